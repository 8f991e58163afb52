//! Testing with Annals.
//!
//! - [`Scenario`]: given these events, when this is decided, then those events follow.
//! - `SagaScenario` (feature `sagas`): when this is told to an instance of a saga, then it decides that.
//! - [`ManualClock`] and [`SequentialIds`]: time and ids that a test controls.
//! - [`FaultyStore`]: a store whose replies get lost when the test says so.
//! - `assert_idempotent` (feature `projections`): each event delivered one to n times, the same rows.
//! - [`whole_log`]: what a store holds, read back.
//! - [`conformance!`]: the suite that every store passes, one test a promise.
//! - `broker_conformance!` (feature `brokers`): the suite that every broker passes, its publishers and its
//!   sources.
//!
//! It knows the traits of `annals-core` and `annals-outbox`, and no store and no broker but the one it is
//! given, and those in memory.

#[cfg(feature = "brokers")]
#[doc(hidden)]
pub mod brokers;
mod clock;
#[doc(hidden)]
pub mod conformance;
mod dropped;
mod faults;
mod fixture;
#[cfg(feature = "projections")]
mod idempotence;
mod ids;
mod log;
#[cfg(feature = "sagas")]
mod saga_scenario;
mod scenario;

#[cfg(feature = "brokers")]
pub use brokers::{Abilities, BrokerSubject, MemoryBrokerSubject, Place, Wanted};
pub use clock::ManualClock;
pub use faults::{Faults, FaultyStore, Held, Operation};
pub use fixture::{Fixture, MemoryFixture};
#[cfg(feature = "projections")]
pub use idempotence::assert_idempotent;
pub use ids::SequentialIds;
pub use log::whole_log;
#[cfg(feature = "sagas")]
pub use saga_scenario::SagaScenario;
pub use scenario::{Decided, Scenario};

#[doc(hidden)]
pub mod __private {
    pub use async_trait::async_trait;
}
