//! Apache Kafka, by `rdkafka`.

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

pub use options::{InvalidOptions, KafkaOptions, Start};
pub use publisher::KafkaPublisher;
pub use source::KafkaSource;
