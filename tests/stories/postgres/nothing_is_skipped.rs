//! I2: a reader that follows the log from checkpoint to checkpoint sees every event once, in order,
//! whatever else happens in the database.

mod another_process;
mod open_transactions;
mod rollbacks;
mod under_load;

use std::sync::Arc;
use std::time::Duration;

use annals::store::{EventStore, LogQuery, Store};
use annals::{PgStore, Position, RecordedEvent};
use annals_tests::ledger::{Ledger, whole_log};
use annals_tests::random::Random;
use annals_tests::writer::Writer;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::place::{Place, open};

/// How long a story may take before something stalls in it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Follows the log while others write.
struct Reader {
    seen: JoinHandle<Vec<RecordedEvent>>,
    end: watch::Sender<Option<Position>>,
    at: watch::Receiver<u64>,
}

impl Reader {
    fn start(store: Arc<PgStore>, seed: u64) -> Self {
        let (end, ending) = watch::channel(None);
        let (progress, at) = watch::channel(0);
        Self { seen: tokio::spawn(follow(store, seed, ending, progress)), end, at }
    }

    /// Waits until it has seen that many events.
    async fn wait_for(&mut self, events: u64) {
        let reached = tokio::time::timeout(PATIENCE, self.at.wait_for(|at| *at >= events));
        reached.await.expect("the reader goes on").expect("the reader found nothing wrong");
    }

    /// What it saw up to the end of the log.
    async fn finish(self, store: &PgStore) -> Vec<RecordedEvent> {
        let head = store.head().await.expect("the head can be read");
        self.end.send(Some(head)).expect("the reader found nothing wrong");
        let seen = tokio::time::timeout(PATIENCE, self.seen).await;
        seen.expect("the reader reaches the end").expect("the reader found nothing wrong")
    }
}

async fn follow(
    store: Arc<PgStore>,
    seed: u64,
    ending: watch::Receiver<Option<Position>>,
    progress: watch::Sender<u64>,
) -> Vec<RecordedEvent> {
    let mut random = Random::new(seed);
    let mut wakeups = store.wakeups();
    let mut seen = Vec::new();
    let mut checkpoint = Position::START;
    while ending.borrow().is_none_or(|end| checkpoint < end) {
        let limit = 1 + random.below(300) as usize;
        let page = store.read_log(&LogQuery::after(checkpoint).limit(limit)).await.expect("a page");
        for event in &page.events {
            let next = seen.len() as u64 + 1;
            assert_eq!(event.position.get(), next, "the next event comes next (seed {seed})");
            seen.push(event.clone());
        }
        assert_eq!(page.next.get(), seen.len() as u64, "the checkpoint is what was looked at");
        assert!(page.head >= page.next, "the head is not behind");
        checkpoint = page.next;
        progress.send_replace(checkpoint.get());
        if page.events.is_empty() {
            wakeups.beyond(checkpoint, Duration::from_millis(20)).await;
        }
    }
    seen
}

/// Writers at work.
struct Writers {
    tasks: JoinSet<Writer>,
}

impl Writers {
    fn start(stores: &[Arc<PgStore>], writers: usize, appends: usize, seed: u64) -> Self {
        Self::start_named(stores, writers, appends, "", seed)
    }

    /// Writers whose streams have `name` in their names.
    fn start_named(
        stores: &[Arc<PgStore>],
        writers: usize,
        appends: usize,
        name: &str,
        seed: u64,
    ) -> Self {
        let mut tasks = JoinSet::new();
        for number in 0..writers {
            let store: Arc<dyn Store> = stores[number % stores.len()].clone();
            let seed = seed ^ ((number as u64) << 32);
            let mut writer = Writer::new(store, format!("{name}w{number}"), seed);
            tasks.spawn(async move {
                writer.write(appends).await;
                writer
            });
        }
        Self { tasks }
    }

    /// What they were told.
    async fn finish(mut self) -> Ledger {
        let mut ledger = Ledger::default();
        while let Some(writer) = self.tasks.join_next().await {
            let writer = writer.expect("no panic");
            assert!(writer.trouble.is_none(), "{:?}", writer.trouble);
            ledger.merge(writer.ledger);
        }
        ledger
    }
}

/// What a story begins with.
struct Story {
    place: Place,
    store: Arc<PgStore>,
    reader: Reader,
    seed: u64,
}

impl Story {
    /// A new seed, which is printed.
    async fn begin(place: Place) -> Self {
        let seed = uuid::Uuid::now_v7().as_u128() as u64;
        println!("seed {seed}");
        let store = place.store().await;
        // As in another process: it hears of appends from the server only.
        let reader = Reader::start(open(place.options()).await, seed);
        Self { place, store, reader, seed }
    }

    /// The log is in order, the reader saw all of it, and it agrees with what writers were told.
    async fn end(self, ledger: &Ledger) -> Vec<RecordedEvent> {
        let log = whole_log(&*self.store).await;
        ledger.check(&log);
        let seen = self.reader.finish(&self.store).await;
        assert!(seen == log, "the reader saw what is there (seed {})", self.seed);
        log
    }
}
