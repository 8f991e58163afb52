//! The hand-written side: a database client, serde, and nothing else. The leanest program that
//! does the same work with the same durability: what the machine gives, and so the limit.

pub(crate) mod brokers;
pub(crate) mod postgres;
pub(crate) mod sqlite;
mod step;
