//! Which broker messages go over, as it is said on the command line, and a server for it.

use std::any::Any;
use std::str::FromStr;

use annals_tests::brokers::{KafkaKind, Kind, NatsKind, RabbitMqKind, RedisKind, Server};
use tokio::runtime::Runtime;

use crate::Failure;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BrokerChoice {
    /// A private server, which is started for the measurement.
    Private(&'static str),
    /// One that is there.
    Url(String),
}

/// The brokers that there are, by what their URLs begin with.
const SCHEMES: [&str; 4] = ["amqp", "kafka", "nats", "redis"];

impl BrokerChoice {
    /// Without the URL: it may hold a password.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Private(name) => name,
            Self::Url(url) => url.split(':').next().unwrap_or_default(),
        }
    }

    /// Starts what has to be started.
    pub(crate) fn open(&self) -> Result<Broker, Failure> {
        let Self::Private(name) = self else {
            let Self::Url(url) = self else { return Err("there is no broker".into()) };
            return Ok(Broker { url: url.clone(), server: None });
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(match *name {
            "kafka" => Broker::private::<KafkaKind>(runtime),
            "amqp" => Broker::private::<RabbitMqKind>(runtime),
            "nats" => Broker::private::<NatsKind>(runtime),
            _ => Broker::private::<RedisKind>(runtime),
        })
    }
}

impl FromStr for BrokerChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").map_or((text, None), |(s, r)| (s, Some(r)));
        let known = SCHEMES.into_iter().find(|known| *known == scheme);
        match (known, rest) {
            (Some(_), Some(_)) => Ok(Self::Url(text.to_owned())),
            (Some(name), None) => Ok(Self::Private(name)),
            (None, _) => Err(format!("write one of {}, or a URL of one", SCHEMES.join(", "))),
        }
    }
}

/// A broker, as long as it is needed.
pub(crate) struct Broker {
    pub(crate) url: String,
    /// The server goes first, then what drove it.
    #[expect(dead_code, reason = "it runs until it is dropped")]
    server: Option<(Box<dyn Any>, Runtime)>,
}

impl Broker {
    fn private<K: Kind + 'static>(runtime: Runtime) -> Self {
        let server = runtime.block_on(Server::<K>::start());
        Self { url: server.url(), server: Some((Box::new(server), runtime)) }
    }
}
