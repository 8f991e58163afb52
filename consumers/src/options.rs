//! Settings of the engine.

use std::time::Duration;

/// Settings of the engine. Each bound of a batch holds for one partition.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// What people call this process. Default: the name of its program and its number.
    pub label: String,
    /// After how long without a sign of life a process counts as dead, and others take over what it
    /// was working on. Default 10 s. Every process on one store should have the same.
    pub lease: Duration,
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
    /// For how long an event that fails is tried again where it is, before its key is parked.
    /// Default 1 s.
    pub retry_in_place: Duration,
    /// The first pause of a parked key; it doubles up to `parked_at_most`. Default 5 s.
    pub parked_after: Duration,
    /// The longest pause of a parked key. Default 1 h.
    pub parked_at_most: Duration,
    /// How many keys a partition parks at the most: more is no fault of single events, and the
    /// consumer stands still instead. Default 100; and no more than a tenth of the keys that came by,
    /// once there are ten.
    pub most_parked: usize,
    /// How many events a subscriber has under way at the most, over all keys of a partition.
    /// Default 256.
    pub window: usize,
    /// For how long the ids of received messages are remembered, so that a repetition is absorbed: as long as
    /// the broker may send one again. Messages that tell their place in their stream are remembered by that,
    /// which is small and kept for ever. Default 30 days.
    pub inbox_kept: Duration,
    /// After how long without progress, while events wait, a consumer counts as stalled.
    /// Default 30 s.
    pub stalled_after: Duration,
    /// How long a stop waits for what is being written; then it is broken off. Default 10 s.
    pub stop_within: Duration,
    /// Whether signs of life come from a thread of their own, so that a handler that blocks the
    /// runtime does not cost the lease. Default yes.
    pub own_thread: bool,
    /// Where members of one machine leave a file that is locked while they live, so that a crash is
    /// noticed at once and not when the lease has passed. Default the directory for temporary files.
    pub lock_directory: Option<std::path::PathBuf>,
    /// Makes ids and pauses the same every time, for tests. Default none.
    pub seed: Option<u64>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let program = std::env::args_os().next();
        let program = program.as_deref().and_then(|path| std::path::Path::new(path).file_stem());
        let program = program.map_or("annals".into(), |name| name.to_string_lossy().into_owned());
        Self {
            label: format!("{program}-{}", std::process::id()),
            lease: Duration::from_secs(10),
            page_events: 5_000,
            batch_events: 100_000,
            batch_rows: 20_000,
            batch_bytes: 32 << 20,
            batch_time: Duration::from_secs(1),
            retry_after: Duration::from_millis(100),
            retry_at_most: Duration::from_secs(10),
            retry_in_place: Duration::from_secs(1),
            parked_after: Duration::from_secs(5),
            parked_at_most: Duration::from_secs(3600),
            most_parked: 100,
            window: 256,
            inbox_kept: Duration::from_secs(30 * 24 * 3600),
            stalled_after: Duration::from_secs(30),
            stop_within: Duration::from_secs(10),
            own_thread: true,
            lock_directory: Some(std::env::temp_dir()),
            seed: None,
        }
    }
}
