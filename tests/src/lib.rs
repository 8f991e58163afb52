//! What the stories and the processes they kill have in common.

pub mod bank;
pub mod brokers;
pub mod desk;
pub mod facts;
pub mod ledger;
pub mod members;
pub mod postgres;
pub mod random;
pub mod servers;
pub mod shop;
pub mod writer;
pub mod writing;
