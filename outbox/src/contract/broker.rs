//! Brokers as others may know them.

/// What stands where nobody can tell a host from a password.
const HIDDEN: &str = "hidden";

/// A broker's URL without users, passwords and parameters. A [publisher](crate::Publisher::broker) shows
/// none, but this goes into files.
pub(super) fn without_secrets(broker: &str) -> String {
    let (scheme, rest) = match broker.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), broker),
    };
    let (hosts, parameters) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    if parameters.contains('@') {
        return scheme + HIDDEN;
    }
    let parts: Vec<&str> = hosts.split(',').collect();
    // What stands before the login of another host may be a piece of a password with a comma in it.
    let last_login = parts.iter().rposition(|part| part.contains('@')).unwrap_or(0);
    let hosts = parts.iter().enumerate().filter_map(|(place, part)| match part.rsplit_once('@') {
        Some((_, host)) => Some(host),
        None if place < last_login => None,
        None => Some(part.split_once("://").map_or(*part, |(_, host)| host)),
    });
    scheme + &hosts.collect::<Vec<_>>().join(",")
}

/// One server of a broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// As AsyncAPI calls it: `nats`, `amqp`, `kafka-secure`, `redis`, `memory`.
    pub(crate) protocol: String,
    /// With the port.
    pub(crate) host: String,
    /// What follows the host: RabbitMQ's virtual host, the number of a database of Redis.
    pub(crate) pathname: Option<String>,
}

impl Server {
    /// What stands before the attributes of a binary CloudEvent, as the protocol's binding says.
    pub(crate) fn attribute_prefix(&self) -> &'static str {
        match self.protocol.as_str() {
            "nats" => "ce-",
            "amqp" | "amqps" => "cloudEvents:",
            _ => "ce_",
        }
    }
}

/// The servers of a broker, of which there is at least one.
pub(crate) fn servers(broker: &str) -> Vec<Server> {
    let (scheme, hosts) = match broker.split_once("://") {
        Some(found) => found,
        None => match broker.split_once(':') {
            // A broker without a network.
            Some((scheme, "")) => (scheme, scheme),
            _ => ("unknown", broker),
        },
    };
    let protocol = match scheme {
        "tls" => "nats",
        "kafkas" => "kafka-secure",
        scheme => scheme,
    };
    let server = |host: &str| {
        let (host, pathname) = host.split_at(host.find('/').unwrap_or(host.len()));
        Server {
            protocol: protocol.to_owned(),
            host: host.to_owned(),
            pathname: (!pathname.is_empty()).then(|| pathname.to_owned()),
        }
    };
    hosts.split(',').map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_left() {
        for (broker, shown) in [
            ("memory:", "memory:"),
            ("nats://10.0.0.7:4222", "nats://10.0.0.7:4222"),
            ("nats://u:hunter2@a:1,u:hunter2@b:2", "nats://a:1,b:2"),
            ("nats://u:hunter2@a:1,nats://b:2", "nats://a:1,b:2"),
            ("nats://u:hun,ter2@a:1", "nats://a:1"),
            ("amqps://u:hunter2@[::1]:5671/orders?x=hunter2", "amqps://[::1]:5671/orders"),
            ("amqp://u:hunt?er2@h", "amqp://hidden"),
            ("redis://h/2?password=hunter2@x", "redis://hidden"),
            ("u:hunter2@h", "h"),
        ] {
            assert_eq!(without_secrets(broker), shown);
            assert_eq!(without_secrets(shown), shown);
        }
    }

    #[test]
    fn every_server_is_one() {
        let of = |broker: &str| {
            let found = servers(broker).into_iter();
            found.map(|one| (one.protocol, one.host, one.pathname)).collect::<Vec<_>>()
        };
        let server = |protocol: &str, host: &str, path: Option<&str>| {
            (protocol.to_owned(), host.to_owned(), path.map(str::to_owned))
        };
        assert_eq!(of("memory:"), [server("memory", "memory", None)]);
        let kafka = ["a:1", "b:2"].map(|host| server("kafka-secure", host, None));
        assert_eq!(of("kafkas://a:1,b:2"), kafka);
        assert_eq!(of("amqp://h:5672/orders"), [server("amqp", "h:5672", Some("/orders"))]);
        assert_eq!(of("the post office"), [server("unknown", "the post office", None)]);
    }
}
