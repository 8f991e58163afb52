//! Where to connect to, and as whom: the URL, read once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lapin::tcp::{RustlsConnector, RustlsConnectorConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::options::RabbitMqOptions;
use crate::InvalidOptions;

/// A server to connect to.
pub(super) struct Target {
    pub(super) uri: AMQPUri,
    /// What encrypts the connection, if it is encrypted.
    pub(super) tls: Option<Arc<RustlsConnector>>,
    /// The server as people know it.
    pub(super) broker: String,
    pub(super) name: String,
    pub(super) connect_within: Duration,
}

impl Target {
    pub(super) fn new(options: &RabbitMqOptions) -> Result<Self, InvalidOptions> {
        let mut uri = read(&options.url)?;
        uri.query.heartbeat = Some(seconds(options.heartbeat)?);
        let tls = match uri.scheme {
            AMQPScheme::AMQP => None,
            AMQPScheme::AMQPS => Some(Arc::new(encryption(options.ca_file.as_deref())?)),
        };
        if options.ca_file.is_some() && tls.is_none() {
            return Err(InvalidOptions::new(
                "there is a CA file, but the URL begins with `amqp://`, which is not encrypted: write \
                 `amqps://`",
            ));
        }
        Ok(Self {
            broker: broker(&uri),
            uri,
            tls,
            name: options.name.clone(),
            connect_within: options.connect_within,
        })
    }
}

/// Reads a URL. Errors show nothing of it: anything may be a part of the password.
fn read(url: &str) -> Result<AMQPUri, InvalidOptions> {
    if !url.starts_with("amqp://") && !url.starts_with("amqps://") {
        return Err(InvalidOptions::new(
            "the URL does not begin with `amqp://` or `amqps://`, as in \
             `amqp://user:password@host:5672/%2f`",
        ));
    }
    let mut uri: AMQPUri = url.parse().map_err(|_| {
        InvalidOptions::new(
            "the URL cannot be read: it looks like `amqp://user:password@host:5672/vhost`, with the \
             special characters of each part percent-encoded (`@` is `%40`, `/` is `%2f`)",
        )
    })?;
    // The parser takes `localhost` for an address of version 6.
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some((address, _)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        address.clone_into(&mut uri.authority.host);
    }
    if uri.query.frame_max.is_some_and(|bytes| bytes < 4096) {
        return Err(InvalidOptions::new("`frame_max` is at least 4096"));
    }
    Ok(uri)
}

fn seconds(heartbeat: Duration) -> Result<u16, InvalidOptions> {
    let seconds = u16::try_from(heartbeat.as_secs()).ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| InvalidOptions::new("the heartbeat is between 1 and 65,535 seconds"))
}

fn broker(uri: &AMQPUri) -> String {
    let host = match uri.authority.host.contains(':') {
        true => format!("[{}]", uri.authority.host),
        false => uri.authority.host.clone(),
    };
    let vhost = match uri.vhost.as_str() {
        "/" => String::new(),
        vhost => format!("/{vhost}"),
    };
    format!("{}://{host}:{}{vhost}", uri.scheme, uri.authority.port)
}

fn encryption(ca_file: Option<&Path>) -> Result<RustlsConnector, InvalidOptions> {
    let config = match ca_file {
        Some(file) => {
            let unusable = |why: String| {
                InvalidOptions::new(format!("the CA file {} cannot be used: {why}", file.display()))
            };
            let trusted: Vec<_> = CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect)
                .map_err(|error| unusable(error.to_string()))?;
            if trusted.is_empty() {
                return Err(unusable("no certificate is in it".to_owned()));
            }
            let mut config = RustlsConnectorConfig::default();
            config.add_parsable_certificates(trusted);
            Ok(config)
        }
        None => RustlsConnectorConfig::new_with_native_certs(),
    };
    config.and_then(RustlsConnectorConfig::connector_with_no_client_auth).map_err(|error| {
        InvalidOptions::new(format!(
            "nobody is trusted to sign a server's certificate ({error}): install the system's list, or \
             give a CA file"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, InvalidOptions> {
        Target::new(&RabbitMqOptions::new(url))
    }

    #[test]
    fn a_broker_is_named_without_its_password() {
        for (url, broker) in [
            ("amqp://shop:s%40crt@rabbit:5673/%2f", "amqp://rabbit:5673"),
            ("amqp://shop:s%40crt@rabbit", "amqp://rabbit:5672"),
            ("amqp://shop:secret@rabbit/orders", "amqp://rabbit:5672/orders"),
            ("amqp://shop:secret@[::1]:5673/%2f", "amqp://[::1]:5673"),
        ] {
            assert_eq!(target(url).map(|target| target.broker), Ok(broker.to_owned()), "{url}");
        }
    }

    #[test]
    fn an_address_of_version_6_is_not_taken_for_localhost() {
        let host = target("amqp://u:p@[fd00::7]:5673/%2f").map(|target| target.uri.authority.host);
        assert_eq!(host, Ok("fd00::7".to_owned()));
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_it() {
        for url in ["http://shop:secret@rabbit", "amqp://shop:secret@rabbit:port", "amqp:secret"] {
            let error = target(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("amqp://"), "{url}: {error}");
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn a_ca_file_is_for_an_encrypted_connection() {
        let options = RabbitMqOptions::new("amqp://rabbit").ca_file("ca.pem");
        let error = Target::new(&options).err().map(|error| error.why).unwrap_or_default();
        assert!(error.contains("amqps://"), "{error}");
        let options = RabbitMqOptions::new("amqps://rabbit").ca_file("nowhere.pem");
        let error = Target::new(&options).err().map(|error| error.why).unwrap_or_default();
        assert!(error.contains("nowhere.pem"), "{error}");
    }

    #[test]
    fn a_heartbeat_has_whole_seconds() {
        let options = RabbitMqOptions::new("amqp://rabbit").heartbeat(Duration::from_millis(900));
        assert!(Target::new(&options).is_err());
    }
}
