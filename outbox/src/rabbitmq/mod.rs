//! RabbitMQ: exchanges to publish to, queues to receive from.
//!
//! **Stored** means that the broker has confirmed the message: it is on disk in every classic queue it was
//! routed to, and on the disks of a majority in every quorum queue. Messages are persistent and mandatory:
//! one that is routed to no queue comes back and is [missing its place](crate::PublishError::Missing). What
//! is neither confirmed nor returned in time is in doubt.
//!
//! An [`Address`](crate::Address) is an exchange with a routing key. The exchange with the empty name leads
//! to the queue that the routing key names.
//!
//! A **lane** is a queue, in the order in which the source lists them. RabbitMQ keeps no groups: a queue is
//! one group, and whoever wants several binds a queue for each to the same exchange. A queue's name may hold
//! `{group}`, which stands for the group's name. All messages of a key have to go to one queue, which the
//! routing key decides.
//!
//! One receiver at a time has a queue, the others wait: see [`TakeOver`]. When its connection ends, what it
//! has not acknowledged is back at its place in the queue before the next one receives.
//!
//! `docs/brokers/rabbitmq.md` says what each failure looks like.

mod claims;
mod confirms;
mod decode;
mod encode;
mod errors;
mod in_flight;
mod lane;
mod link;
mod options;
mod outbound;
mod publisher;
mod receiver;
mod session;
mod socket;
mod source;
mod target;
mod topology;
mod verdict;

pub use crate::InvalidOptions;
pub use options::{RabbitMqOptions, TakeOver};
pub use publisher::RabbitMqPublisher;
pub use source::RabbitMqSource;
pub use topology::{ExchangeType, QueueType, Topology};
