//! Brokers that break while they are sent to and received from: one folder a broker.

mod chaos;
mod kafka;
mod nats;
mod rabbitmq;
mod redis;
