//! What everything in an engine shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use annals_core::Backoff;
use annals_core::store::Stores;
use uuid::Uuid;

use crate::member::Lock;
use crate::options::EngineOptions;
use crate::tail::{self, Tail};

pub(crate) struct Context {
    pub(crate) stores: Stores,
    pub(crate) options: EngineOptions,
    pub(crate) tail: Arc<Tail>,
    /// This member.
    pub(crate) me: Uuid,
    _lock: Option<Lock>,
    /// Tells pauses apart when they come from a seed.
    pauses: AtomicU64,
}

impl Context {
    pub(crate) fn new(stores: Stores, options: EngineOptions) -> Arc<Self> {
        let me = match options.seed {
            Some(seed) => Uuid::from_u64_pair(seed, seed.rotate_left(17) ^ 0x5eed),
            None => Uuid::now_v7(),
        };
        let directory = options.lock_directory.as_deref();
        let lock = directory.and_then(|directory| {
            let lock = Lock::take(directory, me);
            lock.inspect_err(|error| tracing::info!(%error, "no lock says that this member lives"))
                .ok()
        });
        let pauses = backoff(&options, 0, tail::PAUSES);
        let tail = Tail::new(stores.log().clone(), options.page_events, pauses);
        Arc::new(Self { stores, options, tail, me, _lock: lock, pauses: AtomicU64::new(1) })
    }

    /// The pauses after failures.
    pub(crate) fn pauses(&self) -> Backoff {
        let n = self.pauses.fetch_add(1, Ordering::Relaxed);
        backoff(&self.options, n, (self.options.retry_after, self.options.retry_at_most))
    }
}

/// The `n`th series of pauses of an engine.
fn backoff(options: &EngineOptions, n: u64, (first, longest): (Duration, Duration)) -> Backoff {
    match options.seed {
        None => Backoff::new(first, longest),
        Some(seed) => Backoff::seeded(first, longest, seed ^ (n << 32) ^ 0x9e37_79b9_7f4a_7c15),
    }
}
