//! Where the servers are, and who we are.

use async_nats::ServerAddr;

use super::percent;
use crate::InvalidOptions;

/// What a URL says: `nats://user:password@host:4222,nats://other:4222`.
#[derive(Clone)]
pub(super) struct Servers {
    /// The servers, without users and passwords.
    pub(super) addresses: Vec<ServerAddr>,
    pub(super) login: Login,
    /// All of it that people may see.
    pub(super) shown: String,
    /// Whether one of them is to be talked to with TLS only.
    pub(super) tls: bool,
}

/// Who we are.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    Nobody,
    Token(String),
    User { name: String, password: String },
}

/// Reads a URL, or several with commas between them. No error shows any of it but a scheme.
pub(super) fn read(url: &str) -> Result<Servers, InvalidOptions> {
    let mut servers =
        Servers { addresses: Vec::new(), login: Login::Nobody, shown: String::new(), tls: false };
    for server in url.split(',').map(str::trim) {
        let (address, login) = one(server)?;
        if login != Login::Nobody {
            if servers.login != Login::Nobody && servers.login != login {
                return Err(InvalidOptions::new(
                    "the servers of one URL are of one cluster: give them one user and password",
                ));
            }
            servers.login = login;
        }
        servers.tls |= address.tls_required();
        if !servers.shown.is_empty() {
            servers.shown.push(',');
        }
        servers.shown.push_str(address.as_url_str().trim_end_matches('/'));
        servers.addresses.push(address);
    }
    Ok(servers)
}

fn one(server: &str) -> Result<(ServerAddr, Login), InvalidOptions> {
    let usage = "write nats://user:password@host:4222 or tls://token@host:4222, with `%40` for an `@` \
                 in a password";
    let address: ServerAddr = server.parse().map_err(|error| {
        InvalidOptions::new(format!("this is no URL of NATS ({error}): {usage}"))
    })?;
    if address.is_websocket() {
        return Err(InvalidOptions::new(format!(
            "NATS over WebSockets is not known here: {usage}"
        )));
    }
    if address.host().is_empty() {
        return Err(InvalidOptions::new(format!("a URL of NATS has a host: {usage}")));
    }
    let login = match (address.username(), address.password()) {
        (None, None) => Login::Nobody,
        (Some(token), None) => Login::Token(percent::decode(token)),
        (name, Some(password)) => Login::User {
            name: percent::decode(name.unwrap_or_default()),
            password: percent::decode(password),
        },
    };
    let mut url = address.into_inner();
    let bare = url.set_username("").and_then(|()| url.set_password(None));
    url.set_path("");
    url.set_query(None);
    url.set_fragment(None);
    let address = bare.ok().and_then(|()| ServerAddr::from_url(url).ok());
    let address = address.ok_or_else(|| InvalidOptions::new(format!("this is no URL: {usage}")))?;
    Ok((address, login))
}

#[cfg(test)]
mod tests {
    use super::{Login, read};

    #[test]
    fn users_passwords_and_tokens_are_read_and_never_shown() {
        let user = |name: &str, password: &str| Login::User {
            name: name.to_owned(),
            password: password.to_owned(),
        };
        let cases = [
            ("nats://h:4222", Login::Nobody, "nats://h:4222"),
            ("h", Login::Nobody, "nats://h"),
            ("nats://u:p%40%2F@h:1/", user("u", "p@/"), "nats://h:1"),
            ("tls://t0ken@h", Login::Token("t0ken".to_owned()), "tls://h"),
            ("nats://u:p@[::1]:4222,nats://b", user("u", "p"), "nats://[::1]:4222,nats://b"),
        ];
        for (url, login, shown) in cases {
            let servers = read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert!(servers.login == login, "{url}");
            assert_eq!(servers.shown, shown);
            assert!(servers.addresses.iter().all(|address| !address.has_user_pass()));
        }
    }

    #[test]
    fn what_is_no_url_is_refused_without_showing_a_password() {
        for url in [
            "",
            "http://u:secret@h",
            "ws://u:secret@h",
            "nats://u:secret@h:port",
            "nats://:secret@",
        ] {
            let error = read(url).err().unwrap_or_else(|| panic!("{url} was taken"));
            let words = format!("{error} {error:?}");
            assert!(!words.contains("secret"), "{words}");
            assert!(words.contains("nats://user:password@host:4222"), "{words}");
        }
        assert!(read("nats://a:b@h,nats://c:d@i").is_err(), "two users");
    }
}
