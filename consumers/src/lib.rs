//! The engine for everything that follows the log: projections, handlers, subscribers, and later relays
//! and sagas. A consumer is a source, a partitioning and a target; it runs in any number of processes,
//! any of which can be killed or frozen at any time; an event that fails parks its own key and nothing
//! else; and what people want of it stands in the store until whoever runs it has carried it out.
//!
//! It sees stores only through the traits of `annals-core`.

mod assign;
mod caught;
mod concerns;
mod consume;
mod context;
mod cut;
mod deliver;
mod engine;
mod error;
mod feed;
mod inbox;
mod inflow;
mod member;
pub mod ops;
mod options;
mod records;
mod signal;
mod stop;
mod subscriber;
mod tail;
#[cfg(test)]
mod tests;
mod timers;
mod worker;

pub use caught::{caught, message};
pub use concerns::{Concerned, Concerns};
pub use consume::{
    CaughtUp, Consume, Consumer, Counts, Doing, Handler, KeyBy, OnFailure, Target, Until, Wrote,
};
pub use cut::{
    declare, forget, hold, partition, rename, serve, set_aside, stands, stands_readable, uncut,
};
pub use deliver::{AtOnce, Deliver};
pub use engine::{Engine, Waker};
pub use error::ConsumeError;
pub use inbox::remember;
pub use inflow::{Inflow, Inlet, PASSED_BY, UNREADABLE};
pub use member::lock;
pub use options::EngineOptions;
pub use records::{
    ConsumerRecord, InboxRecord, Json, MemberRecord, ParkedItem, ParkedKey, PartitionId,
    PartitionRecord, Record, RequestRecord, TimerRecord, tables,
};
pub use stop::{Stop, StopSource};
pub use subscriber::{Registering, Start, Subscriber, SubscriberDefinition};
pub use timers::{Timer, cancel, earliest, schedule, timers, timers_in};
