//! `kafka://user:password@host:9092,host:9092`.

use super::options::{Login, Sasl};
use crate::InvalidOptions;

/// Where brokers listen if nobody says otherwise.
const USUAL_PORT: u16 = 9092;

/// What a URL says.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Url {
    /// `host:port,host:port`: from where a client finds all others.
    pub(super) servers: String,
    pub(super) login: Option<Login>,
    pub(super) tls: bool,
}

impl Url {
    /// # Errors
    /// What is wrong with it; never with what stands before the `@`.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidOptions> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            invalid("a URL of Kafka begins with `kafka://`, or with `kafkas://` for TLS")
        })?;
        let tls = match scheme {
            "kafka" => false,
            "kafkas" => true,
            _ => {
                let why =
                    format!("`{scheme}://` is not Kafka's: `kafka://`, or `kafkas://` for TLS");
                return Err(InvalidOptions::new(why));
            }
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may have an `@` that nobody has encoded; a host has none.
        let (login, servers) = match rest.rsplit_once('@') {
            Some((login, servers)) => (Some(login_of(login)?), servers),
            None => (None, rest),
        };
        let servers = servers.strip_suffix('/').unwrap_or(servers);
        let servers: Result<Vec<String>, _> = servers.split(',').map(server_of).collect();
        let mut url = Self { servers: servers?.join(","), login, tls };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            url.set(pair)?;
        }
        Ok(url)
    }

    fn set(&mut self, pair: &str) -> Result<(), InvalidOptions> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value)?;
        match (name, &mut self.login) {
            ("sasl", Some(login)) => login.sasl = sasl_of(&value)?,
            ("sasl", None) => {
                return Err(invalid("`sasl` needs a user: `kafka://user:password@host?sasl=…`"));
            }
            _ => {
                let why = format!("`{name}` can not be set in a URL of Kafka: there is `sasl`");
                return Err(InvalidOptions::new(why));
            }
        }
        Ok(())
    }
}

fn invalid(why: impl Into<String>) -> InvalidOptions {
    InvalidOptions::new(why)
}

fn login_of(text: &str) -> Result<Login, InvalidOptions> {
    let (user, password) = text
        .split_once(':')
        .ok_or_else(|| invalid("the URL names a user without a password: `user:password@`"))?;
    Ok(Login { user: decode(user)?, password: decode(password)?, sasl: Sasl::Plain })
}

fn sasl_of(text: &str) -> Result<Sasl, InvalidOptions> {
    match text {
        "plain" => Ok(Sasl::Plain),
        "scram-sha-256" => Ok(Sasl::ScramSha256),
        "scram-sha-512" => Ok(Sasl::ScramSha512),
        _ => {
            let why =
                format!("`sasl={text}`: there are `plain`, `scram-sha-256` and `scram-sha-512`");
            Err(InvalidOptions::new(why))
        }
    }
}

/// `host` or `host:port` with the port.
fn server_of(text: &str) -> Result<String, InvalidOptions> {
    let has_port = match text.rsplit_once(':') {
        // An address of version 6 without a port ends with `]`.
        Some((host, port)) if !port.ends_with(']') => {
            if host.is_empty() || port.parse::<u16>().is_err() {
                let why = format!("`{text}` is no server: `host` or `host:{USUAL_PORT}`");
                return Err(InvalidOptions::new(why));
            }
            true
        }
        _ => false,
    };
    if text.is_empty() || text.contains(['/', ' ', '\t', '\n']) {
        let why = format!("`{text}` is no server: `host` or `host:{USUAL_PORT}`");
        return Err(InvalidOptions::new(why));
    }
    Ok(if has_port { text.to_owned() } else { format!("{text}:{USUAL_PORT}") })
}

/// Undoes `%40` and the like.
fn decode(text: &str) -> Result<String, InvalidOptions> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let byte = match (first, tail) {
            (b'%', [high, low, ..]) => {
                rest = &tail[2..];
                let digit = |digit: u8| char::from(digit).to_digit(16);
                digit(*high).zip(digit(*low)).map(|(high, low)| (high * 16 + low) as u8)
            }
            (b'%', _) => None,
            _ => Some(*first),
        };
        decoded.push(byte.ok_or_else(|| {
            invalid("a `%` in the URL that two digits of base 16 do not follow: write it as `%25`")
        })?);
    }
    String::from_utf8(decoded).map_err(|_| invalid("what `%…` in the URL stands for is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(url: &str) -> String {
        Url::parse(url).err().expect("it is refused").to_string()
    }

    #[test]
    fn a_url_says_where_and_who() {
        let url = Url::parse("kafka://one,two:19092,[::1]:9,[::2]/").expect("a URL");
        assert_eq!(url.servers, "one:9092,two:19092,[::1]:9,[::2]:9092");
        assert!(url.login.is_none() && !url.tls);

        let url = Url::parse("kafkas://sh%6Fp:p%40ss@w:rd@one?sasl=scram-sha%2D512");
        let url = url.expect("a URL");
        let login = url.login.expect("a login");
        assert_eq!((&*login.user, &*login.password), ("shop", "p@ss@w:rd"));
        assert_eq!(login.sasl, Sasl::ScramSha512);
        assert!(url.tls);
    }

    #[test]
    fn a_url_that_can_not_be_meant_is_refused_without_its_password() {
        assert!(error("localhost:9092").contains("`kafka://`"));
        assert!(error("nats://localhost").contains("`nats://`"));
        assert!(error("kafka://").contains("is no server"));
        assert!(error("kafka://one:port").contains("`one:port` is no server"));
        assert!(error("kafka://one/topic").contains("`one/topic`"));
        assert!(error("kafka://shop@one").contains("without a password"));
        assert!(error("kafka://one?sasl=plain").contains("needs a user"));
        assert!(error("kafka://a:b@one?sasl=md5").contains("`sasl=md5`"));
        assert!(error("kafka://one?acks=0").contains("`acks`"));
        for url in ["kafka://a:hidden%@one", "kafka://a:hidden%zz@one", "kafka://a:hidden%ff@one"] {
            assert!(!error(url).contains("hidden"), "{url}");
        }
    }
}
