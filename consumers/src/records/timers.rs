//! What is to happen at a time.

use jiff::Timestamp;

use super::{Json, record};

record! {
    /// Something that is due at a time.
    pub struct TimerRecord in "annals_timers", key [0, 1] {
        /// The consumer that it is for.
        consumer: String,
        /// What tells it from the consumer's other timers.
        key: String,
        /// When it is due.
        due_at: Timestamp,
        /// What comes with it.
        body: Json,
        /// When it was set.
        set_at: Timestamp,
    }
}
