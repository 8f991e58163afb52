//! The consumers that a store knows.

use jiff::Timestamp;

use super::record;

record! {
    /// A consumer, as whoever runs it has declared it last.
    pub struct ConsumerRecord in "annals_consumers", key [0] {
        /// Its name.
        name: String,
        /// What it is: `projection`, `handler`, `subscriber`.
        kind: String,
        /// The newest version that was started.
        version: u32,
        /// The generation that serves; 1 where there is only one.
        generation: u64,
        /// Into how many partitions it is cut.
        partitions: u32,
        /// Whether a key that fails is parked, the consumer stops, or the event is skipped.
        on_failure: String,
        /// Whether it was told to pause.
        paused: bool,
        /// Who told it, and why.
        paused_by: Option<String>,
        /// Where its events come from, when that is not the log.
        origin: Option<String>,
        /// When this was last changed.
        changed_at: Timestamp,
    }
}
