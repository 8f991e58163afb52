//! Message brokers for tests, all used in the same way.
//!
//! - [`Nats`] with JetStream, [`RabbitMq`], [`Redis`] with an append-only file, [`Kafka`] as a broker and
//!   a controller in one process: each a [`Server`] of one's own, to be killed, frozen and started again.
//! - [`Breakable`]: a server that a story breaks, and leaves to the next.
//! - [`Server::shared`], as in `Nats::shared().await`: the URL of the one that ordinary tests share, each
//!   under a [`fresh_name`].
//! - [`Proxy`](crate::servers::Proxy): a network in front of any of them that breaks when the test says so.
//!   Kafka's clients are led through it by [`Kafka::start_behind`].
//!
//! Servers are processes of their own and go away with the test, even when it is killed.

mod breakable;
mod cache;
pub mod client;
mod kafka;
mod kind;
mod nats;
mod rabbitmq;
mod redis;
mod server;
mod shared;
mod wire;

pub use breakable::Breakable;
pub use kafka::{Kafka, KafkaKind};
pub use kind::{Kind, Login};
pub use nats::{Nats, NatsKind};
pub use rabbitmq::{RabbitMq, RabbitMqKind};
pub use redis::{Redis, RedisKind};
pub use server::Server;
pub use shared::{Shared, fresh_name};
