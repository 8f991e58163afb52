//! What people want of whoever runs the consumers.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Json, record};

record! {
    /// A request: written by whoever steers, carried out and answered by whoever runs the consumer.
    pub struct RequestRecord in "annals_requests", key [0] {
        /// Its id.
        id: Uuid,
        /// The consumer it is about.
        consumer: String,
        /// What is wanted: `pause`, `retry`, `rebuild`, ….
        verb: String,
        /// The details.
        arguments: Json,
        /// Who wants it.
        who: String,
        /// Why.
        why: String,
        /// When it was asked.
        asked_at: Timestamp,
        /// `open`, `taken`, `done` or `refused`.
        state: String,
        /// Which member carries it out.
        taken_by: Option<Uuid>,
        /// What came of it so far, or why not. None before it is begun.
        answer: Option<String>,
        /// When it was answered.
        answered_at: Option<Timestamp>,
    }
}
