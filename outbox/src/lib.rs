//! How events leave a store, and how messages come in. A [`Route`] says which events become which messages for which place of a
//! broker, and a relay, one more consumer of the engine, sends them there, in order per key and at least
//! once.
//!
//! **The log is the outbox**: nothing is written twice and nothing can be forgotten. A message leaves
//! after its event is stored; the relay's checkpoint moves after the broker has said that it has the
//! message. A broker that is down only delays; a message that the broker refuses parks its own key.
//!
//! A [`Requester`] asks other services over a broker and awaits the reply; an [`Answer`] is who replies.
//! What a route tells others is its [`Contract`]: a relay that starts leaves it in the store, and
//! [`asyncapi`] makes one document of several.
//!
//! A consumer that is new may begin with a [`History`]: all that a service has told before.
//!
//! What a broker is to this crate stands in [`Publisher`]; [`MemoryBroker`] is one within the process.

mod address;
mod asyncapi;
mod contract;
mod envelope;
mod escape;
mod event_schema;
mod gate;
mod grouped;
mod history;
mod inbound;
mod invalid_options;
#[cfg(feature = "kafka")]
pub mod kafka;
mod memory;
mod message;
#[cfg(feature = "nats")]
pub mod nats;
mod outgoing;
mod publication;
mod publisher;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
mod reading;
#[cfg(feature = "redis")]
pub mod redis;
mod relay;
mod request;
mod route;
mod source;
// Shared with other crates of Annals, and no promise to anybody else.
#[cfg(feature = "tls")]
#[doc(hidden)]
pub mod tls;

pub use address::Address;
pub use asyncapi::{Service, asyncapi};
pub use contract::{Contract, ContractError, contracts, public_events};
pub use envelope::Envelope;
pub use event_schema::EventSchema;
pub use history::{History, HistoryError, HistoryPage, PublicLog};
pub use inbound::Inbound;
pub use invalid_options::InvalidOptions;
pub use memory::{MemoryBroker, MemorySource};
pub use message::Message;
pub use outgoing::Outgoing;
pub use publisher::{PublishError, Published, Publisher};
pub use reading::{Mapping, Reading, Unknown};
pub use relay::{RelayOptions, relay};
pub use request::{Answer, AskError, Asked, RequestOptions, Requester, Sent, responder};
pub use route::Route;
pub use source::{Part, ReceiveError, Received, Receiver, Source};
