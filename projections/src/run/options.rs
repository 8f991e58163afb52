//! The bounds and pauses of the runners.

use std::time::Duration;

/// Settings of the runners. Each bound holds for one projection.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// How many events are read at a time. Default 5,000. A page also ends at 16 MB.
    pub page_events: usize,
    /// After how many events a batch is written while catching up. Default 100,000.
    pub batch_events: u64,
    /// After how many touched rows a batch is written while catching up. Default 20,000.
    pub batch_rows: usize,
    /// After how many bytes of payloads a batch is written while catching up. Default 32 MB: what is
    /// folded is gone by then, and twice as many commits cost a rebuild a tenth.
    pub batch_bytes: usize,
    /// After how long a handler leaves the rest of its events to the next transaction, so that
    /// nobody waits long for its checkpoint. Default 1 s.
    pub batch_time: Duration,
    /// The pause after the first failure; it doubles up to `retry_at_most`. Default 100 ms.
    pub retry_after: Duration,
    /// The longest pause after a failure. Default 10 s.
    pub retry_at_most: Duration,
    /// How long a stop waits for what is being written; then it is broken off. Default 10 s.
    pub stop_within: Duration,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self {
            page_events: 5_000,
            batch_events: 100_000,
            batch_rows: 20_000,
            batch_bytes: 32 << 20,
            batch_time: Duration::from_secs(1),
            retry_after: Duration::from_millis(100),
            retry_at_most: Duration::from_secs(10),
            stop_within: Duration::from_secs(10),
        }
    }
}
