//! A process among others: its sign of life, and its share of the work.

mod anew;
mod claim;
mod heart;
mod lock;
mod measure;
mod repartition;
mod replay;
mod requests;
mod retain;
mod share;
mod sweep;
mod tell;
mod view;

pub(crate) use anew::REBUILD_KEY;
#[cfg(test)]
pub(crate) use claim::claim;
pub use claim::lock;
pub(crate) use claim::{consumer, disturb};
pub(crate) use heart::Heart;
pub(crate) use lock::Lock;
pub(crate) use replay::REPLAY;
pub(crate) use requests::{ANSWERED, OPEN, REFUSED};
pub(crate) use sweep::Sweeper;
