//! Where a message goes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place of a broker: a subject of NATS, a topic of Kafka, a stream of Redis, an exchange of RabbitMQ
/// with a routing key.
///
/// ```
/// use annals_outbox::Address;
///
/// assert_eq!(Address::new("orders").to_string(), "orders");
/// assert_eq!(Address::new("shop").routing_key("order.placed").to_string(), "shop / order.placed");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The subject, topic, stream or exchange.
    pub name: String,
    /// RabbitMQ's routing key. Other brokers have none, and refuse an address with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_key: Option<String>,
}

impl Address {
    /// A subject, topic, stream or exchange.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), routing_key: None }
    }

    /// The same with a routing key.
    #[must_use]
    pub fn routing_key(self, key: impl Into<String>) -> Self {
        Self { routing_key: Some(key.into()), ..self }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.routing_key {
            Some(key) => write!(f, "{} / {key}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
