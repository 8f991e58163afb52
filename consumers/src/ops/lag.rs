//! How far a position is behind the end of the log.

use annals_core::Position;
use annals_core::store::{EventLog, LogQuery, StoreError};
use jiff::Timestamp;
use serde::Serialize;

/// How far a position is behind the end of the log.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize)]
pub struct Lag {
    /// How many events of the log follow it, of whatever type.
    pub events: u64,
    /// How long the first of them has been in the log; 0 when there is none.
    pub seconds: f64,
}

/// How far a position is behind the end of the log.
///
/// # Errors
/// [`StoreError`] when the log cannot be read.
pub async fn lag(
    log: &(impl EventLog + ?Sized),
    behind: Position,
    now: Timestamp,
) -> Result<Lag, StoreError> {
    let page = log.read_log(&LogQuery::after(behind).limit(1)).await?;
    let first = page.events.first();
    Ok(Lag {
        events: page.head.get().saturating_sub(behind.get()),
        seconds: first.map_or(0.0, |first| seconds_since(first.recorded_at, now)),
    })
}

/// Never less than 0: clocks of two machines may differ.
fn seconds_since(then: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(then).as_secs_f64().max(0.0)
}
