//! Where a story about read models takes place: on every store, with as many programs as it likes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use annals::store::{Append, Store};
use annals::{
    Annals, Builder, EngineOptions, ExpectedVersion, MemoryStore, NewEvent, Position,
    SqliteOptions, SqliteStore, Status, StreamId, Synchronous,
};
use annals_tests::bank::AccountEvent;
use tempfile::TempDir;

use crate::postgres::place::Place;

/// How long a story may take on one store; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) enum Home {
    Memory(MemoryStore),
    Sqlite(TempDir),
    Postgres(Place),
}

impl Home {
    /// Plays a story on every store.
    pub(crate) async fn each<F: Future<Output = ()>>(story: impl Fn(Arc<Home>) -> F) {
        let memory = Self::Memory(MemoryStore::default());
        story_of(&story, memory).await;
        Self::each_database(story).await;
    }

    /// Plays a story on every store that is a database.
    pub(crate) async fn each_database<F: Future<Output = ()>>(story: impl Fn(Arc<Home>) -> F) {
        story_of(&story, Self::Sqlite(tempfile::tempdir().expect("there is room"))).await;
        story_of(&story, Self::Postgres(Place::shared().await)).await;
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Opens the store as one more process does.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::new(store.clone()),
            Self::Sqlite(directory) => {
                let file = SqliteOptions::new(directory.path().join("story.db"));
                let file = file.synchronous(Synchronous::Normal);
                Arc::new(SqliteStore::open_with(file).await.expect("it opens"))
            }
            Self::Postgres(place) => place.store().await,
        }
    }

    /// One more program that knows the events of accounts.
    pub(crate) async fn program(&self) -> Builder {
        Annals::on_shared(self.store().await).events::<AccountEvent>()
    }
}

async fn story_of<F: Future<Output = ()>>(story: &impl Fn(Arc<Home>) -> F, home: Home) {
    let home = Arc::new(home);
    let name = home.name();
    let played = tokio::time::timeout(PATIENCE, story(home)).await;
    assert!(played.is_ok(), "on {name} it hangs");
}

/// Small batches and short pauses, so that much can happen in a short story.
pub(crate) fn quick() -> EngineOptions {
    let millisecond = Duration::from_millis(1);
    EngineOptions {
        page_events: 5,
        batch_events: 10,
        retry_after: millisecond,
        retry_at_most: 20 * millisecond,
        ..EngineOptions::default()
    }
}

/// Appends so many deposits of a cent to an account, at once.
pub(crate) async fn deposit(annals: &Annals, account: u32, events: usize) -> Position {
    let cent = || AccountEvent::Deposited { cents: 1 };
    append(annals, account, (0..events).map(|_| cent()).collect()).await
}

/// Appends events to an account, at once.
pub(crate) async fn append(annals: &Annals, account: u32, events: Vec<AccountEvent>) -> Position {
    let events = events.iter().map(|event| NewEvent::of(event).expect("it can be written"));
    let append = Append::to(stream(account), ExpectedVersion::Any, events.collect());
    annals.append(append).await.expect("it is appended").position
}

pub(crate) fn stream(account: u32) -> StreamId {
    StreamId::parse(format!("account-{account}")).expect("it is a stream's name")
}

/// Waits until the only projection of a program is as `wanted`.
pub(crate) async fn until(annals: &Annals, wanted: impl Fn(&Status) -> bool) -> Status {
    loop {
        let status = annals.status().await.expect("the store can be read").remove(0);
        if wanted(&status) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A read model that adds `by` to a column of the account's row for each event, and panics while its
/// `ARMED` is set.
macro_rules! counter {
    ($module:ident: $table:literal, $name:literal, version $version:literal, $column:ident += $by:literal
        $(, formerly $former:literal)?) => {
        mod $module {
            #![allow(dead_code, reason = "each story uses its own part")]

            use std::sync::atomic::{AtomicBool, Ordering};

            use annals::prelude::*;
            use annals_tests::bank::AccountEvent;

            pub(super) static ARMED: AtomicBool = AtomicBool::new(false);

            pub(super) fn arm(armed: bool) {
                ARMED.store(armed, Ordering::SeqCst);
            }

            #[derive(ReadModel, Debug, Clone, PartialEq)]
            #[read_model(table = $table)]
            pub(super) struct Row {
                #[key]
                pub(super) account: u32,
                pub(super) $column: i64,
            }

            pub(super) struct P;

            impl Projection for P {
                type Event = AccountEvent;
                type Row = Row;
                const NAME: &str = $name;
                const VERSION: u32 = $version;
                $(const FORMERLY: &[&str] = &[$former];)?

                fn fold(&self, account: &u32, row: &mut Option<Row>, _: &Recorded<AccountEvent>) {
                    assert!(!ARMED.load(Ordering::SeqCst), "a fold lost its nerve");
                    row.get_or_insert(Row { account: *account, $column: 0 }).$column += $by;
                }
            }
        }
    };
}

pub(crate) use counter;
