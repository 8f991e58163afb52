//! One story on every store, each of which can fail.

use std::sync::Arc;
use std::time::Duration;

use annals_core::store::Store;
use annals_core::{Journal, JournalOptions, RecordedEvent};
use annals_testkit::{Faults, FaultyStore, Fixture, ManualClock, MemoryFixture, whole_log};

use crate::postgres::postgres_conformance::PgFixture;
use crate::sqlite_conformance::SqliteFixture;

/// How long a story may take on one store.
const PATIENCE: Duration = Duration::from_secs(120);

/// A store of one kind, and its name for messages.
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) store: Arc<dyn Store>,
}

/// One process on a stage: a cache and faults of its own.
pub(super) struct Process {
    pub(super) journal: Journal,
    pub(super) faults: Faults,
}

impl Stage {
    pub(super) fn process(&self, set: impl FnOnce(JournalOptions) -> JournalOptions) -> Process {
        let store = FaultyStore::new(self.store.clone());
        let faults = store.faults().clone();
        let options = JournalOptions { backoff: Duration::ZERO, ..JournalOptions::default() };
        Process { journal: Journal::new(Arc::new(store), set(options)), faults }
    }

    /// What is really stored, whatever the faults.
    pub(super) async fn stored(&self) -> Vec<RecordedEvent> {
        whole_log(&*self.store).await
    }
}

/// Tells the story on each kind of store. The test's runtime needs two threads.
pub(super) async fn on_every_store(story: impl AsyncFn(&Stage)) {
    let fixtures: [Box<dyn Fixture>; 3] =
        [Box::new(MemoryFixture), Box::new(SqliteFixture::new()), Box::<PgFixture>::default()];
    for fixture in fixtures {
        let store = fixture.open(Arc::new(ManualClock::default())).await;
        let stage = Stage { name: store.capabilities().name, store };
        let told = tokio::time::timeout(PATIENCE, story(&stage)).await;
        told.unwrap_or_else(|_| panic!("the story on {} does not end", stage.name));
    }
}
