//! Annals over HTTP.
//!
//! [`public_log`] serves what a service has ever told others, read from its log by a
//! [`PublicLog`](annals_outbox::PublicLog), and [`HttpHistory`] reads it: a local copy of another's data that is
//! new [begins](annals_outbox::Inbound::history) with it, and goes on with the messages of the broker. [`Access`]
//! says who is let in.
//!
//! # The public log
//! `GET /events?after=P&limit=N` tells what has become of the N events (1 to 10,000; 1,000 unless told otherwise)
//! of the owner's log that follow position P (0, the beginning, unless told otherwise), or of fewer.
//!
//! | in the answer | what |
//! |---|---|
//! | `content-type` | `application/x-ndjson`: one CloudEvent in JSON a line, each line ended by a line feed |
//! | attribute `position` of each event | the position in the owner's log, which never falls |
//! | `annals-next` | what to ask for next, as `after` |
//! | `annals-end` | `true` when the log ended there |
//! | `annals-events` | how many lines there are |
//!
//! An answer has about 8 MiB at the most, beside what its last event became. Whatever goes wrong is told as
//! `application/problem+json` (RFC 9457): 400 for what cannot be asked, 401 and 403 for who is not let in, 409 when
//! the log ends before P, 500 for an event that the route cannot tell, and 503 with `retry-after` when the log
//! cannot be read now.

mod access;
mod client;
mod history;
mod lines;
mod problem;
mod public_log;

pub use access::Access;
pub use client::InvalidOptions;
pub use history::HttpHistory;
pub use public_log::public_log;
