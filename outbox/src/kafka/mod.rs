//! Apache Kafka, by `rdkafka`.
//!
//! ```no_run
//! use annals_outbox::kafka::{KafkaOptions, KafkaPublisher, KafkaSource};
//!
//! # async fn example() -> Result<(), annals_outbox::kafka::InvalidOptions> {
//! let options = KafkaOptions::new("kafka://shop:secret@10.0.0.7:9092,10.0.0.8:9092");
//! let publisher = KafkaPublisher::connect(options.clone()).await?;
//! let source = KafkaSource::connect(options, ["orders"]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! **Stored** means that all replicas that are in sync have the message (`acks=all`), sent by an idempotent
//! producer. A message in doubt that is sent again is a new one to Kafka.
//!
//! **Lanes** are the partitions of the topics, and a key has one of them: the one that Java's clients would
//! choose. Part i of n receives the partitions whose number divided by n leaves i, of every topic.
//!
//! **A group** is a name under which the brokers keep offsets, and has no members: the leases of the engine
//! decide who receives, not Kafka's rebalancing. Whoever opens a part writes a claim beside each offset, and
//! looks for later ones before it commits: an old receiver that comes back finds one, is told so from then on,
//! and whoever holds the lease opens anew. Offsets are committed at most 200 ms after an acknowledgement.
//!
//! Sizing, failures and what was tested: `docs/brokers/kafka.md`.

mod claim;
mod errors;
mod heard;
mod keeper;
mod lanes;
mod options;
mod producer;
mod publisher;
mod reading;
mod record;
mod session;
mod settings;
mod source;
mod topics;
mod url;

pub use crate::InvalidOptions;
pub use options::{KafkaOptions, KafkaStart};
pub use publisher::KafkaPublisher;
pub use source::KafkaSource;
