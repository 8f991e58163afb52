//! Where a server is, and who we are there.

use ::redis::{ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};

use crate::InvalidOptions;

/// What a URL says.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    /// User, password and database.
    pub(super) login: RedisConnectionInfo,
    shown: String,
}

impl Place {
    /// Reads `redis://…` and `rediss://…`. Errors name no part of the URL: it may have a password.
    pub(super) fn parse(url: &str) -> Result<Self, InvalidOptions> {
        const FORM: &str = "write `redis://user:password@host:port/database`, or `rediss://…` for TLS, \
                            and in user and password `%` with two digits for what has a meaning in a URL";
        let (tls, rest) = match url.split_once("://") {
            Some(("redis", rest)) => (false, rest),
            Some(("rediss", rest)) => (true, rest),
            _ => {
                let why = format!("the URL of Redis does not begin with `redis://`: {FORM}");
                return Err(InvalidOptions::new(why));
            }
        };
        if rest.contains(['?', '#']) {
            let why = format!(
                "the URL of Redis has `?` or `#`, which say nothing here: options are set by methods; {FORM}"
            );
            return Err(InvalidOptions::new(why));
        }
        // TLS is done here, so the client need not know of it.
        let read = format!("redis://{rest}").into_connection_info();
        // The client's words name no part of the URL.
        let read = read.map_err(|error| {
            InvalidOptions::new(format!("the URL of Redis cannot be read ({error}): {FORM}"))
        })?;
        let ConnectionAddr::Tcp(host, port) = read.addr().clone() else {
            return Err(InvalidOptions::new(format!("the URL of Redis has no host: {FORM}")));
        };
        let login = read.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        let scheme = if tls { "rediss" } else { "redis" };
        let named = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let database = match login.db() {
            0 => String::new(),
            database => format!("/{database}"),
        };
        let shown = format!("{scheme}://{named}:{port}{database}");
        Ok(Self { host, port, tls, login, shown })
    }

    /// As people know it: without user and password.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    fn shown(url: &str) -> String {
        match Place::parse(url) {
            Ok(place) => place.shown().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_place_is_shown_without_the_password() {
        assert_eq!(shown("redis://10.0.0.7"), "redis://10.0.0.7:6379");
        assert_eq!(shown("rediss://shop:s%40cret@redis:7000/2"), "rediss://redis:7000/2");
        assert_eq!(shown("redis://:secret@[::1]:7000/"), "redis://[::1]:7000");
        let place = Place::parse("rediss://shop:s%40cret@redis:7000/2").unwrap();
        assert_eq!(place.login.password(), Some("s@cret"));
        assert_eq!(place.login.username(), Some("shop"));
        assert!(place.tls);
    }

    #[test]
    fn what_cannot_be_read_is_told_without_the_password() {
        for url in [
            "secret",
            "http://u:secret@redis",
            "redis://u:secret@",
            "redis://u:secret@host:port",
            "redis://u:secret@host/database",
            "rediss://u:secret@host#insecure",
            "redis://u:secret@host?protocol=resp3",
            "redis+unix:///run/secret.sock",
        ] {
            let told = shown(url);
            assert!(told.contains("write `redis://user:password@host"), "{url}: {told}");
            assert!(!told.contains("secret"), "{url}: {told}");
        }
    }
}
