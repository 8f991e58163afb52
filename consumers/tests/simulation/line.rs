//! A member's store: the one that all share, behind a link that fails, delays, forgets replies and
//! restarts.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use annals_core::store::{
    Append, Appended, Capabilities, CheckpointStore, CommandKey, CommandRecord, CommandStore,
    EventStore, LogPage, LogQuery, PayloadVisitor, SchemaStore, SnapshotRecord, SnapshotStore,
    StateStore, StoreError, StreamQuery, TableStore, Transact, Transaction, TransactionWork,
    WakeupSender, Wakeups, Work,
};
use annals_core::table::{KeyValues, Row, RowQuery, TableSpec};
use annals_core::{
    MemoryStore, Position, RecordedEvent, RegisteredSchema, StreamId, StreamVersion,
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::cover::Happened;
use crate::link::{Contact, Link};
use crate::recorder::{Recorder, Written};
use crate::trace::Who;
use crate::world::World;

pub(crate) struct Line {
    pub(crate) who: Who,
    pub(crate) link: Link,
    pub(crate) wakeups: WakeupSender,
    pub(crate) world: Arc<World>,
}

fn unavailable() -> StoreError {
    let source = Arc::new(io::Error::other("simulated"));
    StoreError::Unavailable { place: "the store".to_owned(), source }
}

fn unknown() -> StoreError {
    StoreError::OutcomeUnknown { source: Arc::new(io::Error::other("simulated")) }
}

impl Line {
    pub(crate) fn new(world: Arc<World>, who: Who) -> Self {
        let wakeups = WakeupSender::default();
        wakeups.comes_from_all(true);
        Self { who, link: Link::new(), wakeups, world }
    }

    fn store(&self) -> &MemoryStore {
        &self.world.store
    }

    /// A call to the store, and what becomes of it. `work` gets to know whether the store runs it
    /// twice.
    async fn call<T, F>(
        &self,
        what: &'static str,
        writes: bool,
        work: impl FnOnce(bool) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        if self.who == Who::Operator {
            return work(false).await;
        }
        self.link.pass().await;
        let fate = self.world.fate();
        if fate.is_long {
            self.world.happened(Happened::DelayedLong);
        }
        if !fate.before.is_zero() {
            self.world.happened(Happened::Delayed);
            tokio::time::sleep(fate.before).await;
            self.link.pass().await;
        }
        self.reach().await?;
        if fate.fails || self.world.store_is_down() {
            self.world.happened(Happened::FailedBefore);
            self.world.step(self.who, format!("{what} fails"));
            return Err(unavailable());
        }
        let restarts = self.world.restarts();
        let result = tokio::select! {
            biased;
            result = work(fate.runs_twice) => result,
            () = self.broken_off(restarts) => {
                self.world.happened(Happened::BrokenInside);
                self.world.step(self.who, format!("{what} is broken off"));
                self.link.pass().await;
                Err(if writes { unknown() } else { unavailable() })
            }
        };
        if let Err(StoreError::Fenced { name, token, .. }) = &result {
            self.world.happened(Happened::Fenced);
            self.world.step(self.who, format!("{what} with token {token} of {name} is refused"));
        }
        if !fate.after.is_zero() {
            tokio::time::sleep(fate.after).await;
        }
        self.link.pass().await;
        let lost = fate.loses_reply || self.reach().await.is_err();
        match result {
            Ok(_) if lost => {
                self.world.happened(Happened::LostReply);
                self.world.step(self.who, format!("the reply to {what} is lost"));
                Err(if writes { unknown() } else { unavailable() })
            }
            result => result,
        }
    }

    async fn reach(&self) -> Result<(), StoreError> {
        match self.link.contact() {
            Contact::Good => Ok(()),
            Contact::Refused => Err(unavailable()),
            Contact::Silent => {
                self.link.contact_changes(Contact::Silent).await;
                self.link.pass().await;
                Err(unavailable())
            }
        }
    }

    /// A database ends the transaction of a process that is gone, and all of them when it restarts.
    async fn broken_off(&self, restarts: u64) {
        tokio::select! {
            biased;
            () = self.link.shut() => {}
            () = self.world.restart_after(restarts) => {}
        }
    }

    async fn write(&self, what: &'static str, work: Work) -> Result<(), StoreError> {
        let work = Arc::new(tokio::sync::Mutex::new(work));
        self.call(what, true, |twice| async move {
            if twice {
                self.world.happened(Happened::RunTwice);
                let first = Watched { work: work.clone(), written: Arc::default(), undone: true };
                match self.store().transact(Box::new(first)).await {
                    Err(StoreError::Closed) => {}
                    other => return other,
                }
            }
            let written = Arc::new(Mutex::new(Vec::new()));
            let watched = Watched { work, written: written.clone(), undone: false };
            self.store().transact(Box::new(watched)).await?;
            let written =
                std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner));
            self.world.committed(self.who, &written);
            Ok(())
        })
        .await
    }
}

/// Work whose writes are noted; undone at its end if that is wanted.
struct Watched {
    work: Arc<tokio::sync::Mutex<Work>>,
    written: Arc<Mutex<Vec<Written>>>,
    undone: bool,
}

#[async_trait]
impl TransactionWork for Watched {
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        let mut recorder = Recorder::new(transaction);
        self.work.lock().await.run(&mut recorder).await?;
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = recorder.written;
        match self.undone {
            true => Err(StoreError::Closed),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Transact for Line {
    async fn transact(&self, work: Work) -> Result<(), StoreError> {
        self.write("a transaction", work).await
    }

    async fn transact_apart(&self, work: Work) -> Result<(), StoreError> {
        self.write("a sign of life", work).await
    }
}

#[async_trait]
impl CheckpointStore for Line {
    async fn checkpoint(&self, name: &str) -> Result<Option<Position>, StoreError> {
        self.call("reading a checkpoint", false, |_| self.store().checkpoint(name)).await
    }
}

#[async_trait]
impl StateStore for Line {
    async fn state(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.call("reading a state", false, |_| StateStore::state(self.store(), key)).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.call("asking for the time", false, |_| StateStore::now(self.store())).await
    }
}

#[async_trait]
impl TableStore for Line {
    async fn load_rows(
        &self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        self.call("loading rows", false, |_| TableStore::load_rows(self.store(), table, keys)).await
    }

    async fn query_rows(
        &self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        self.call("a query", false, |_| self.store().query_rows(table, query)).await
    }

    async fn count_rows(&self, table: &TableSpec, query: &RowQuery) -> Result<u64, StoreError> {
        self.call("a count", false, |_| self.store().count_rows(table, query)).await
    }
}

#[async_trait]
impl EventStore for Line {
    fn capabilities(&self) -> Capabilities {
        self.store().capabilities()
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.call("an append", true, |_| EventStore::append(self.store(), append)).await
    }

    async fn append_bulk(&self, appends: Vec<Append>) -> Vec<Result<Appended, StoreError>> {
        self.store().append_bulk(appends).await
    }

    async fn read_stream(&self, query: &StreamQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        self.call("reading a stream", false, |_| self.store().read_stream(query)).await
    }

    async fn visit_stream(
        &self,
        stream: &StreamId,
        after: StreamVersion,
        up_to: StreamVersion,
        visitor: PayloadVisitor,
    ) -> Result<Position, StoreError> {
        self.store().visit_stream(stream, after, up_to, visitor).await
    }

    async fn read_log(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        self.call("reading the log", false, |_| EventStore::read_log(self.store(), query)).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.call("reading the head", false, |_| self.store().head()).await
    }

    fn wakeups(&self) -> Wakeups {
        self.wakeups.subscribe()
    }
}

#[async_trait]
impl CommandStore for Line {
    async fn command(&self, key: &CommandKey) -> Result<Option<CommandRecord>, StoreError> {
        self.store().command(key).await
    }

    async fn forget_commands(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.store().forget_commands(before).await
    }
}

#[async_trait]
impl SchemaStore for Line {
    async fn schemas(&self) -> Result<Vec<RegisteredSchema>, StoreError> {
        self.store().schemas().await
    }

    async fn register_schemas(&self, schemas: &[RegisteredSchema]) -> Result<(), StoreError> {
        self.store().register_schemas(schemas).await
    }

    async fn widen_schema(
        &self,
        known: &RegisteredSchema,
        wider: &str,
    ) -> Result<bool, StoreError> {
        self.store().widen_schema(known, wider).await
    }
}

#[async_trait]
impl SnapshotStore for Line {
    async fn snapshot(
        &self,
        stream: &StreamId,
        state: &str,
    ) -> Result<Option<SnapshotRecord>, StoreError> {
        self.store().snapshot(stream, state).await
    }

    async fn save_snapshot(
        &self,
        stream: &StreamId,
        state: &str,
        snapshot: &SnapshotRecord,
    ) -> Result<(), StoreError> {
        self.store().save_snapshot(stream, state, snapshot).await
    }
}
