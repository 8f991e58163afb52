//! The processes that run consumers.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Json, record};

record! {
    /// A process: the only sign of life that it gives, whatever it runs.
    pub struct MemberRecord in "annals_members", key [0] {
        /// Fresh for every start, so that a member that comes back is never taken for another.
        id: Uuid,
        /// What people call it.
        label: String,
        /// Its consumers and their versions, as `{"balances": 3}`.
        consumers: Json,
        /// Whether it takes nothing new, because it stops.
        stopping: bool,
        /// When it started.
        started_at: Timestamp,
        /// When it was heard of last, by the store's clock.
        seen_at: Timestamp,
        /// When it counts as dead unless it is heard of again.
        expires_at: Timestamp,
    }
}
