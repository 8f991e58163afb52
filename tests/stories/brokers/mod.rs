//! The adapters of brokers against real servers: one file or folder a broker.

mod kafka;
