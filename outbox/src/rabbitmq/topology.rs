//! What has to be there.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{Channel, ExchangeKind};
use tokio::time::Instant;

use super::errors::Failure;
use super::link::Link;

/// What stands for the group's name in the name of a queue.
const GROUP: &str = "{group}";

/// Exchanges, queues and bindings.
///
/// What is declared is made where it is missing, durable. What is there is left as it is; a source does not
/// receive a queue that was declared otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    exchanges: Vec<(String, ExchangeType)>,
    queues: Vec<(String, QueueType)>,
    bindings: Vec<Binding>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Binding {
    queue: String,
    exchange: String,
    key: String,
}

/// How an exchange finds the queues for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeType {
    /// Bound with exactly the routing key.
    Direct,
    /// Bound with a pattern of words: `order.*`, `order.#`.
    Topic,
    /// All that are bound.
    Fanout,
}

/// How a queue is kept.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum QueueType {
    /// On one node. It keeps its order whatever happens.
    #[default]
    Classic,
    /// On a majority of its nodes. Whether it keeps its order when it moves from one to another is not certain.
    Quorum,
}

impl Topology {
    /// Nothing is declared: what is published to and received from has to be there.
    pub fn checked() -> Self {
        Self::default()
    }

    /// Begins a list of what is declared.
    pub fn declared() -> Self {
        Self::default()
    }

    /// An exchange.
    #[must_use]
    pub fn exchange(mut self, name: impl Into<String>, exchange: ExchangeType) -> Self {
        self.exchanges.push((name.into(), exchange));
        self
    }

    /// A queue, with `x-single-active-consumer`. A source declares those with `{group}` in their names when
    /// it is opened for a group.
    #[must_use]
    pub fn queue(mut self, name: impl Into<String>, queue: QueueType) -> Self {
        self.queues.push((name.into(), queue));
        self
    }

    /// Leads an exchange to a queue.
    #[must_use]
    pub fn bind(
        mut self,
        queue: impl Into<String>,
        exchange: impl Into<String>,
        routing_key: impl Into<String>,
    ) -> Self {
        self.bindings.push(Binding {
            queue: queue.into(),
            exchange: exchange.into(),
            key: routing_key.into(),
        });
        self
    }

    /// Whether a queue is declared as a classic one, by the name that may hold the group.
    pub(super) fn declares_classic(&self, queue: &str) -> bool {
        self.queues.iter().any(|(name, kind)| name == queue && *kind == QueueType::Classic)
    }

    /// Makes what is declared: everything that has no group, and what this group has. Queues that are received
    /// have to be as they are declared.
    pub(super) async fn make(
        &self,
        link: &Link,
        group: Option<&str>,
        received: &[String],
        deadline: Instant,
    ) -> Result<(), Failure> {
        for (name, kind) in &self.exchanges {
            self.make_exchange(link, name, *kind, deadline).await?;
        }
        for (name, kind) in &self.queues {
            if let Some(name) = in_group(name, group) {
                make_queue(link, &name, *kind, received.contains(&name), deadline).await?;
            }
        }
        let mut channel = None;
        for binding in &self.bindings {
            let Some(queue) = in_group(&binding.queue, group) else { continue };
            let channel = match &channel {
                Some(channel) => channel,
                None => channel.insert(link.channel(deadline).await?),
            };
            let bound = channel.queue_bind(
                short(&queue)?,
                short(&binding.exchange)?,
                short(&binding.key)?,
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            link.ask("binding a queue", deadline, bound).await?;
        }
        Ok(())
    }

    async fn make_exchange(
        &self,
        link: &Link,
        name: &str,
        kind: ExchangeType,
        deadline: Instant,
    ) -> Result<(), Failure> {
        match check_exchange(link, name, deadline).await {
            Err(Failure::Missing(_)) => {}
            known => return known,
        }
        let kind = match kind {
            ExchangeType::Direct => ExchangeKind::Direct,
            ExchangeType::Topic => ExchangeKind::Topic,
            ExchangeType::Fanout => ExchangeKind::Fanout,
        };
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let channel = link.channel(deadline).await?;
        let made = channel.exchange_declare(short(name)?, kind, durable, FieldTable::default());
        link.ask("declaring an exchange", deadline, made).await
    }
}

/// Makes a queue, unless it is there.
async fn make_queue(
    link: &Link,
    name: &str,
    kind: QueueType,
    is_received: bool,
    deadline: Instant,
) -> Result<(), Failure> {
    match check_queue(link, name, deadline).await {
        Ok(_) if is_received => return declare(link, name, kind, deadline).await.map(drop),
        Ok(_) => return Ok(()),
        Err(Failure::Missing(_)) => {}
        Err(error) => return Err(error),
    }
    let channel = declare(link, name, kind, deadline).await?;
    write_down(link, &channel, name, deadline).await
}

/// Makes a queue, or finds one that was made with the same settings.
async fn declare(
    link: &Link,
    name: &str,
    kind: QueueType,
    deadline: Instant,
) -> Result<Channel, Failure> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    if kind == QueueType::Quorum {
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(LongString::from("quorum")));
        // RabbitMQ 4 throws messages away that come again for the twentieth time, unless told otherwise. It
        // would understand -1 as no limit, and RabbitMQ 3 takes that for less than none: it throws away
        // whatever comes again.
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(i32::MAX));
    }
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    let channel = link.channel(deadline).await?;
    let declared = channel.queue_declare(short(name)?, durable, arguments);
    link.ask("declaring a queue", deadline, declared).await?;
    Ok(channel)
}

/// A server that is killed now may forget a new queue, and all that is confirmed within it: it writes its
/// queues down when it answers to a binding. Who may not bind there has to hope.
async fn write_down(
    link: &Link,
    channel: &Channel,
    name: &str,
    deadline: Instant,
) -> Result<(), Failure> {
    let name = short(name)?;
    let (known, key, none) = (ShortString::from("amq.direct"), name.clone(), FieldTable::default());
    let bind = QueueBindOptions::default();
    let bound = channel.queue_bind(name.clone(), known.clone(), key.clone(), bind, none.clone());
    match link.ask("writing a queue down", deadline, bound).await {
        Ok(()) => {
            let unbound = channel.queue_unbind(name, known, key, none);
            link.ask("writing a queue down", deadline, unbound).await
        }
        Err(Failure::Missing(_)) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// An exchange is there. The one without a name always is.
pub(super) async fn check_exchange(
    link: &Link,
    name: &str,
    deadline: Instant,
) -> Result<(), Failure> {
    if name.is_empty() {
        return Ok(());
    }
    let passive = ExchangeDeclareOptions { passive: true, ..Default::default() };
    let channel = link.channel(deadline).await?;
    let kind = ExchangeKind::Direct;
    let looked = channel.exchange_declare(short(name)?, kind, passive, FieldTable::default());
    link.ask("looking for an exchange", deadline, looked).await
}

/// A queue is there: how many consumers it has.
pub(super) async fn check_queue(
    link: &Link,
    name: &str,
    deadline: Instant,
) -> Result<u32, Failure> {
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let channel = link.channel(deadline).await?;
    let looked = channel.queue_declare(short(name)?, passive, FieldTable::default());
    Ok(link.ask("looking for a queue", deadline, looked).await?.consumer_count())
}

/// The name of a queue for a group. `None`: it is for groups, and this is none.
pub(super) fn in_group(name: &str, group: Option<&str>) -> Option<String> {
    match group {
        Some(group) => Some(name.replace(GROUP, group)),
        None => (!name.contains(GROUP)).then(|| name.to_owned()),
    }
}

/// A name, as the protocol carries it.
pub(super) fn short(name: &str) -> Result<ShortString, Failure> {
    ShortString::try_new(name).map_err(|_| {
        let begin: String = name.chars().take(40).collect();
        Failure::Missing(format!(
            "the name `{begin}…` has {} bytes, and RabbitMQ takes 255: choose a shorter one",
            name.len()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_a_groups_own() {
        assert_eq!(in_group("{group}.orders", Some("billing")), Some("billing.orders".to_owned()));
        assert_eq!(in_group("orders", Some("billing")), Some("orders".to_owned()));
        assert_eq!(in_group("{group}.orders", None), None);
        assert_eq!(in_group("orders", None), Some("orders".to_owned()));
    }

    #[test]
    fn names_have_255_bytes_at_the_most() {
        assert!(short(&"q".repeat(255)).is_ok());
        assert!(matches!(short(&"q".repeat(256)), Err(Failure::Missing(_))));
    }
}
