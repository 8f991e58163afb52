//! Ids that a test can predict.

use std::sync::atomic::{AtomicU64, Ordering};

use annals_core::IdGenerator;
use uuid::Uuid;

/// The UUIDs 1, 2, 3, …
///
/// ```
/// use annals_core::IdGenerator;
/// use annals_testkit::SequentialIds;
///
/// let ids = SequentialIds::default();
/// assert_eq!(ids.next().to_string(), "00000000-0000-0000-0000-000000000001");
/// assert_eq!(ids.next().as_u128(), 2);
/// ```
#[derive(Debug, Default)]
pub struct SequentialIds {
    last: AtomicU64,
}

impl SequentialIds {
    /// The ids that follow `last`.
    pub fn after(last: u64) -> Self {
        Self { last: AtomicU64::new(last) }
    }
}

impl IdGenerator for SequentialIds {
    fn next(&self) -> Uuid {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        Uuid::from_u128(id.into())
    }
}
