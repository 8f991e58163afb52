//! A request to another service and its reply, both as messages.
//!
//! ```text
//! Requester ── request-id, correlation-id, reply-to ──► a place ──► Answer, run by the engine
//!     ▲                                                                │
//!     └──── its own lane ◄──────── correlation-id, reply-status ───────┘
//! ```

mod answer;
mod answers;
mod ask_error;
mod intake;
mod options;
mod replies;
mod requester;
mod responder;
mod sending;
mod waiting;
mod wire;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Asked};
pub use ask_error::{AskError, Sent};
pub use options::RequestOptions;
pub use requester::Requester;
pub use responder::responder;
