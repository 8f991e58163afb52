//! Tmp.
#[path = "../stories/brokers/mod.rs"]
mod brokers;
