//! Messages that have had their effect.

use jiff::Timestamp;

use super::record;

record! {
    /// A message that a consumer has dealt with.
    pub struct InboxRecord in "annals_inbox", key [0, 1, 2] {
        /// The consumer.
        consumer: String,
        /// Who sent it.
        source: String,
        /// The sender's id of it.
        id: String,
        /// When it was dealt with.
        seen_at: Timestamp,
    }
}
