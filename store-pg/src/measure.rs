//! Figures of commits.

use std::time::Duration;

use annals_core::store::{Appended, StoreError, measure_commit};

use crate::error::STORE;

/// Measures a commit by what the appends in it came to.
pub(crate) fn measure(results: &[Result<Appended, StoreError>], took: Duration) {
    let written: Vec<_> = results.iter().flatten().filter(|append| !append.repeated).collect();
    let streams = written.iter().flat_map(|append| &append.streams);
    let events = streams.map(|stream| stream.after.get() - stream.before.get()).sum();
    if events > 0 {
        measure_commit(STORE, written.len(), events, took);
    }
}
