//! The store's traits, each method a call to the store beneath.

use annals_core::store::{
    Append, Appended, Capabilities, CheckpointStore, CommandKey, CommandRecord, CommandStore,
    EventStore, LogPage, LogQuery, PayloadVisitor, SchemaStore, SnapshotRecord, SnapshotStore,
    StateStore, Store, StoreError, StreamQuery, TableStore, Transact, Wakeups, Work,
};
use annals_core::table::{KeyValues, Row, RowQuery, TableSpec};
use annals_core::{Position, RecordedEvent, RegisteredSchema, StreamId, StreamVersion};
use async_trait::async_trait;
use jiff::Timestamp;

use super::plan::Fault;
use super::{FaultyStore, Operation, lost};

#[async_trait]
impl<S: Store + ?Sized> EventStore for FaultyStore<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let mut reply_lost = false;
        let mut duplicated = false;
        for fault in self.faults.plan.meet(Operation::Append).await {
            match fault {
                Fault::Fail(error) => return Err(error),
                Fault::LoseRequest => return Err(lost("the request")),
                Fault::LoseReply => reply_lost = true,
                Fault::Duplicate => duplicated = true,
                Fault::Hold(_) => {}
            }
        }
        if duplicated {
            // Nobody hears what came of the first.
            let _ = self.inner.append(append.clone()).await;
        }
        let result = self.inner.append(append).await;
        if reply_lost { Err(lost("the reply")) } else { result }
    }

    async fn append_bulk(&self, appends: Vec<Append>) -> Vec<Result<Appended, StoreError>> {
        let batches = appends.len();
        let results = async { Ok(self.inner.append_bulk(appends).await) };
        match self.pass(Operation::AppendBulk, results).await {
            Ok(results) => results,
            Err(error) => vec![Err(error); batches],
        }
    }

    async fn read_stream(&self, query: &StreamQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        self.pass(Operation::ReadStream, self.inner.read_stream(query)).await
    }

    async fn visit_stream(
        &self,
        stream: &StreamId,
        after: StreamVersion,
        up_to: StreamVersion,
        visitor: PayloadVisitor,
    ) -> Result<Position, StoreError> {
        let visit = self.inner.visit_stream(stream, after, up_to, visitor);
        self.pass(Operation::ReadStream, visit).await
    }

    async fn read_log(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let mut page = self.pass(Operation::ReadLog, self.inner.read_log(query)).await?;
        let redeliveries = self.faults.plan.redeliveries();
        if redeliveries > 0 {
            let often = |event: &RecordedEvent| 1 + event.position.get() % (redeliveries + 1);
            let events = page.events.into_iter();
            page.events = events
                .flat_map(|event| {
                    let times = often(&event);
                    std::iter::repeat_n(event, usize::try_from(times).unwrap_or(usize::MAX))
                })
                .collect();
        }
        Ok(page)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.pass(Operation::Head, self.inner.head()).await
    }

    fn wakeups(&self) -> Wakeups {
        if self.faults.plan.wakeups_are_dropped() {
            let promised = self.inner.wakeups().come_from_all();
            self.faults.silence.comes_from_all(promised);
            self.faults.silence.subscribe()
        } else {
            self.inner.wakeups()
        }
    }
}

#[async_trait]
impl<S: Store + ?Sized> CheckpointStore for FaultyStore<S> {
    async fn checkpoint(&self, name: &str) -> Result<Option<Position>, StoreError> {
        self.pass(Operation::Checkpoint, self.inner.checkpoint(name)).await
    }
}

#[async_trait]
impl<S: Store + ?Sized> CommandStore for FaultyStore<S> {
    async fn command(&self, key: &CommandKey) -> Result<Option<CommandRecord>, StoreError> {
        self.pass(Operation::Command, self.inner.command(key)).await
    }

    async fn forget_commands(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.pass(Operation::ForgetCommands, self.inner.forget_commands(before)).await
    }
}

#[async_trait]
impl<S: Store + ?Sized> SchemaStore for FaultyStore<S> {
    async fn schemas(&self) -> Result<Vec<RegisteredSchema>, StoreError> {
        self.pass(Operation::Schemas, self.inner.schemas()).await
    }

    async fn register_schemas(&self, schemas: &[RegisteredSchema]) -> Result<(), StoreError> {
        self.pass(Operation::RegisterSchemas, self.inner.register_schemas(schemas)).await
    }

    async fn widen_schema(
        &self,
        known: &RegisteredSchema,
        wider: &str,
    ) -> Result<bool, StoreError> {
        self.pass(Operation::WidenSchema, self.inner.widen_schema(known, wider)).await
    }
}

#[async_trait]
impl<S: Store + ?Sized> SnapshotStore for FaultyStore<S> {
    async fn snapshot(
        &self,
        stream: &StreamId,
        state: &str,
    ) -> Result<Option<SnapshotRecord>, StoreError> {
        self.pass(Operation::Snapshot, self.inner.snapshot(stream, state)).await
    }

    async fn save_snapshot(
        &self,
        stream: &StreamId,
        state: &str,
        snapshot: &SnapshotRecord,
    ) -> Result<(), StoreError> {
        self.pass(Operation::SaveSnapshot, self.inner.save_snapshot(stream, state, snapshot)).await
    }
}

#[async_trait]
impl<S: Store + ?Sized> TableStore for FaultyStore<S> {
    async fn load_rows(
        &self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        self.pass(Operation::LoadRows, self.inner.load_rows(table, keys)).await
    }

    async fn query_rows(
        &self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        self.pass(Operation::QueryRows, self.inner.query_rows(table, query)).await
    }

    async fn count_rows(&self, table: &TableSpec, query: &RowQuery) -> Result<u64, StoreError> {
        self.pass(Operation::CountRows, self.inner.count_rows(table, query)).await
    }
}

#[async_trait]
impl<S: Store + ?Sized> StateStore for FaultyStore<S> {
    async fn state(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.pass(Operation::State, self.inner.state(key)).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.pass(Operation::Now, self.inner.now()).await
    }
}

#[async_trait]
impl<S: Store + ?Sized> Transact for FaultyStore<S> {
    async fn transact(&self, work: Work) -> Result<(), StoreError> {
        self.pass(Operation::Transact, self.inner.transact(work)).await
    }

    async fn transact_apart(&self, work: Work) -> Result<(), StoreError> {
        self.pass(Operation::TransactApart, self.inner.transact_apart(work)).await
    }
}
