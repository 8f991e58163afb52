//! Where another service is.

use hyper::Uri;
use hyper::http::uri::Scheme;
use rustls::pki_types::ServerName;

use super::InvalidOptions;

/// The place of a service: what stands before the paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    url: String,
    authority: String,
    host: String,
    port: u16,
    prefix: String,
    tls_name: Option<ServerName<'static>>,
}

impl Target {
    /// `http://host`, `https://host:port/prefix`.
    ///
    /// # Errors
    /// What is wrong with the URL, without repeating it: it may contain a password.
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidOptions> {
        let refuse = |why: &str| Err(InvalidOptions::new(format!("the URL of the service {why}")));
        let Ok(uri) = url.parse::<Uri>() else { return refuse("cannot be read") };
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return refuse("begins with `http://` or `https://` and a host");
        };
        if authority.as_str().contains('@') {
            return refuse("has no user and no password: say a token by `token`");
        }
        if uri.query().is_some() {
            return refuse("has no parameters: `/events` and its own are put behind it");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match scheme {
            scheme if *scheme == Scheme::HTTP => false,
            scheme if *scheme == Scheme::HTTPS => true,
            _ => return refuse("begins with `http://` or `https://`"),
        };
        let tls_name = match tls.then(|| ServerName::try_from(host.clone())).transpose() {
            Ok(name) => name,
            Err(_) => return refuse("names a host that no certificate can be for"),
        };
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self {
            url: format!("{scheme}://{authority}{prefix}"),
            authority: authority.to_string(),
            host,
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            prefix,
            tls_name,
        })
    }

    /// The URL of the service.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whose certificate is asked for, if one is.
    pub(super) fn tls_name(&self) -> Option<ServerName<'static>> {
        self.tls_name.clone()
    }

    /// A path of the service, as the server knows it.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let target = Target::parse("https://bank.example/api/").expect("it is one");
        assert_eq!((target.url(), target.port()), ("https://bank.example/api", 443));
        assert_eq!(target.path("/events?after=0"), "/api/events?after=0");
        let target = Target::parse("http://[::1]:8080").expect("it is one");
        assert_eq!((target.host(), target.authority()), ("::1", "[::1]:8080"));
        assert_eq!(target.tls_name(), None);
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        for (url, says) in [
            ("bank:8080", "begins with `http://`"),
            ("/events", "begins with `http://`"),
            ("ftp://bank", "begins with `http://`"),
            ("http://ann:secret@bank", "say a token"),
            ("http://bank?token=secret", "no parameters"),
            ("http://ba nk/secret", "cannot be read"),
        ] {
            let why = Target::parse(url).expect_err(url).to_string();
            assert!(why.contains(says) && !why.contains("secret"), "{url}: {why}");
        }
    }
}
