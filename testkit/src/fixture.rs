//! Where the stores under test come from.

use std::sync::Arc;

use annals_core::store::{Operate, Store};
use annals_core::{Clock, MemoryStore};
use async_trait::async_trait;

/// Makes the stores of one test. Each test has a fixture of its own; what it made is cleaned up
/// when the fixture is dropped.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// A fresh, empty store whose times come from `clock`. Called once.
    async fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store>;

    /// Another handle on the data of the store that [`open`](Self::open) returned. The first
    /// handle has been dropped, unless the store declares itself shared. `None` where a second
    /// handle cannot exist; a store that declares itself durable must return one.
    async fn reopen(&self, clock: Arc<dyn Clock>) -> Option<Arc<dyn Store>>;

    /// A store as the command line sees it: another handle on the data of [`open`](Self::open), to
    /// which nothing was written, or a fresh store. The first handle has been dropped. `None` for a
    /// store that the command line cannot look after.
    async fn operate(&self, clock: Arc<dyn Clock>) -> Option<Arc<dyn Operate>>;
}

/// The fixture of the memory store.
#[derive(Debug, Default, Clone, Copy)]
pub struct MemoryFixture;

#[async_trait]
impl Fixture for MemoryFixture {
    async fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(MemoryStore::with_clock(clock))
    }

    async fn reopen(&self, _clock: Arc<dyn Clock>) -> Option<Arc<dyn Store>> {
        None
    }

    async fn operate(&self, clock: Arc<dyn Clock>) -> Option<Arc<dyn Operate>> {
        Some(Arc::new(MemoryStore::with_clock(clock)))
    }
}
