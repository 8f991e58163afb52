//! Messages that have had their effect.

use jiff::Timestamp;

use super::record;

record! {
    /// A message that a consumer has dealt with, or the last one of a stream whose messages come in order.
    pub struct InboxRecord in "annals_inbox", key [0, 1, 2, 3] {
        /// The consumer.
        consumer: String,
        /// The generation of what it keeps; 0 for what belongs to none.
        generation: u64,
        /// Who sent it.
        source: String,
        /// The sender's id of it, or the stream.
        id: String,
        /// Which one of the stream it is; 0 for a single message.
        version: u64,
        /// When it was dealt with.
        seen_at: Timestamp,
    }
}
