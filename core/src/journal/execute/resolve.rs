//! An append whose reply was lost, and the pauses between attempts.

use std::time::Duration;

use uuid::Uuid;

use crate::journal::Journal;
use crate::store::{Append, Appended, StoreError};

/// How often an append whose reply was lost is sent again to learn what became of it.
const RESOLVE_ATTEMPTS: u32 = 3;

impl Journal {
    /// Appends, and when the reply is lost, appends the same ids again to learn what became of
    /// them: that returns the first result if it was written, and writes it if it was not.
    pub(super) async fn append_resolving(&self, append: Append) -> Result<Appended, StoreError> {
        let mut result = self.store().append(append.clone()).await;
        let mut lost = None;
        for attempt in 1..=RESOLVE_ATTEMPTS {
            match result {
                Err(error) if error.may_have_written() => lost = Some(error),
                // While the outcome of the first try is open, no later failure may hide it.
                Err(error) if lost.is_some() && error.is_transient() => {}
                Ok(appended) if lost.is_some() => return Ok(first_told(&append, appended)),
                other => return other,
            }
            pause(self.inner.options.backoff, attempt).await;
            result = self.store().append(append.clone()).await;
        }
        match (result, lost) {
            (Ok(appended), _) => Ok(first_told(&append, appended)),
            (Err(error), Some(lost)) if error.is_transient() => Err(lost),
            (Err(error), _) => Err(error),
        }
    }
}

/// The result of an append whose first reply was lost: whoever asked was told of no other, so to
/// them it is the first. With a key it may be the result of another's append, and stays marked.
fn first_told(append: &Append, appended: Appended) -> Appended {
    Appended { repeated: appended.repeated && append.command.is_some(), ..appended }
}

/// Waits for a random time up to `limit`, doubled with each attempt.
pub(super) async fn pause(limit: Duration, attempt: u32) {
    let limit = limit.saturating_mul(1 << attempt.saturating_sub(1).min(10));
    // The last 32 bits of a UUID of version 7 are random.
    let random = f64::from(Uuid::now_v7().as_u128() as u32) / f64::from(u32::MAX);
    tokio::time::sleep(limit.mul_f64(random)).await;
}
