//! Brokers that break while they are sent to and received from.

mod rabbitmq;
