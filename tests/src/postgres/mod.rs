//! PostgreSQL for tests.
//!
//! - [`shared_url`]: the server that ordinary tests share; each takes a [`fresh_schema`].
//! - [`Server`]: a server of one's own, to be crashed, filled up and started again.
//! - [`Proxy`]: a network in front of a server that breaks when the test says so.
//! - [`Bouncer`]: PgBouncer in transaction mode in front of a server.
//! - [`connect`]: plain SQL, beside the store.
//!
//! Servers are processes of their own and go away with the test, even when it is killed.

mod bouncer;
mod client;
mod installed;
mod server;
mod shared;
mod standby;

pub use bouncer::Bouncer;
pub use client::{connect, connect_patiently, database_of, host_of, proxied, with_database};
pub use installed::server_programs as programs;
pub use server::Server;
pub use shared::{drop_schema, fresh_schema, shared_url};

pub use crate::servers::Proxy;
