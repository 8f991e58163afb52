#![doc = include_str!("../../README.md")]
//!
//! # Where to find what
//! - [`Annals`]: open a store, execute commands, load aggregates, append events, read read models,
//!   rebuild them.
//! - [`prelude`]: the names most programs need.
//! - `resilience`, with the feature of that name: what stands around calls to others.
//! - [`store`] and [`table`]: the traits of a store, for authors of stores and for raw access.

// The derives write paths that begin with `::annals`.
extern crate self as annals;

mod builder;
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod example;
mod execute;
mod handle;
#[doc(hidden)]
pub mod not_started;
mod open;
pub mod prelude;
#[cfg(feature = "sagas")]
mod schedule;
mod streams;

#[doc(hidden)]
pub mod __private;

pub use builder::{Builder, StartError};
pub use execute::{Execute, ThenRead, ThenReadError};
pub use handle::Annals;
pub use open::open_store;

pub use annals_core::*;
pub use annals_projections::*;
pub use async_trait::async_trait;
pub use jiff::Timestamp;
pub use jiff::civil::Date;
pub use rust_decimal::Decimal;
pub use uuid::Uuid;

#[cfg(feature = "http")]
pub use annals_http as http;
#[cfg(feature = "outbox")]
pub use annals_outbox as outbox;
#[cfg(feature = "resilience")]
pub use annals_resilience as resilience;
#[cfg(feature = "sagas")]
pub use annals_sagas as sagas;
#[cfg(feature = "postgres")]
pub use annals_store_pg::{PgOptions, PgStore, Roots as PgRoots, Tls as PgTls, tokio_postgres};
#[cfg(feature = "sqlite")]
pub use annals_store_sqlite::{SqliteOptions, SqliteStore, Synchronous};
#[cfg(feature = "testkit")]
pub use annals_testkit as testkit;
