//! Keys whose events wait, because one of them failed.

use annals_core::Position;
use annals_core::table::{KeyValues, Value};
use jiff::Timestamp;

use super::{Json, record};

record! {
    /// A key that is parked: its first event that failed, and all that came after it, wait in order.
    pub struct ParkedKey in "annals_parked_keys", key [0, 1, 2] {
        /// The consumer.
        consumer: String,
        /// The generation.
        generation: u64,
        /// The key: a stream, or the id of one.
        key: String,
        /// The slice it falls into.
        slice: u16,
        /// The first event that waits.
        position: Position,
        /// The type of that event.
        event_type: String,
        /// Why it failed last.
        reason: String,
        /// How often it was tried.
        attempts: u32,
        /// Since when it has been parked.
        since: Timestamp,
        /// When it is tried again; never by itself when there is none: a person must act.
        next_attempt: Option<Timestamp>,
        /// Who wants it thrown away, and why: its events never have their effect then.
        discarded_by: Option<String>,
        /// Whether the key goes on without what waits: what failed was passed over.
        skipped: bool,
    }
}

impl ParkedKey {
    /// The key of the row of a parked key.
    pub(crate) fn row_key(consumer: &str, generation: u64, key: &str) -> KeyValues {
        vec![
            Value::Text(consumer.to_owned()),
            Value::Integer(generation.cast_signed()),
            Value::Text(key.to_owned()),
        ]
    }
}

record! {
    /// An event that waits behind its key.
    pub struct ParkedItem in "annals_parked_items", key [0, 1, 2, 3] {
        /// The consumer.
        consumer: String,
        /// The generation.
        generation: u64,
        /// The key.
        key: String,
        /// Its position in the log, or its number among what came from elsewhere.
        position: Position,
        /// The message, where it cannot be read again from the log.
        body: Option<Json>,
    }
}
