//! The store's traits, each method a way to the appender or to a connection of the pool.

use annals_core::store::{
    Append, Appended, Capabilities, CheckpointStore, CommandKey, CommandRecord, CommandStore,
    EventStore, LogPage, LogQuery, PayloadVisitor, SchemaStore, SnapshotRecord, SnapshotStore,
    StateStore, StoreError, StreamQuery, Strict, TableStore, Transact, Wakeups, Work,
};
use annals_core::table::{KeyValues, Row, RowQuery, TableSpec};
use annals_core::{Position, RecordedEvent, RegisteredSchema, StreamId, StreamVersion};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::apart::apart;
use crate::error::STORE;
use crate::hooks::append_with_hooks;
use crate::import::append_bulk;
use crate::lent::Lent;
use crate::transaction::{PgTransaction, now};
use crate::{PgStore, checkpoints, commands, log, read, schemas, snapshots, tables};

#[async_trait]
impl EventStore for PgStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: STORE,
            durable: true,
            shared: true,
            sql: true,
            dense: true,
            atomic: true,
        }
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        append.check()?;
        self.mark().refuse_inside()?;
        if append.hooks.is_empty() {
            return self.writer()?.append(append).await;
        }
        let store = self.clone();
        apart(async move { append_with_hooks(&store, append).await }).await
    }

    async fn append_bulk(&self, appends: Vec<Append>) -> Vec<Result<Appended, StoreError>> {
        if let Err(inside) = self.mark().refuse_inside() {
            return appends.iter().map(|_| Err(inside.clone())).collect();
        }
        append_bulk(self, appends).await
    }

    async fn read_stream(&self, query: &StreamQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        let lent = self.lend().await?;
        let read = read::read_stream(lent.link()?, query);
        Ok(lent.settled(lent.within(read).await?))
    }

    async fn visit_stream(
        &self,
        stream: &StreamId,
        after: StreamVersion,
        up_to: StreamVersion,
        visitor: PayloadVisitor,
    ) -> Result<Position, StoreError> {
        let lent = self.lend().await?;
        lent.within(read::visit_stream(lent.link()?, stream, (after, up_to), visitor)).await
    }

    async fn read_log(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let lent = self.lend().await?;
        let read = log::read_log(lent.link()?, query);
        Ok(lent.settled(lent.within(read).await?))
    }

    async fn head(&self) -> Result<Position, StoreError> {
        let lent = self.lend().await?;
        lent.within(log::read_head(lent.link()?)).await
    }

    fn wakeups(&self) -> Wakeups {
        self.wakeup_sender().subscribe()
    }
}

#[async_trait]
impl CheckpointStore for PgStore {
    async fn checkpoint(&self, name: &str) -> Result<Option<Position>, StoreError> {
        let lent = self.lend().await?;
        lent.within(checkpoints::checkpoint(lent.link()?, name)).await
    }
}

#[async_trait]
impl CommandStore for PgStore {
    async fn command(&self, key: &CommandKey) -> Result<Option<CommandRecord>, StoreError> {
        let lent = self.lend().await?;
        let keys = [key.as_str()];
        let find = commands::find_commands(lent.link()?, &keys);
        let found = lent.within(find).await?;
        Ok(found.into_iter().next().map(|(_, record)| record))
    }

    async fn forget_commands(&self, before: Timestamp) -> Result<u64, StoreError> {
        let lent = self.lend().await?;
        let mut forgotten = 0;
        loop {
            let forget = commands::forget_some(lent.link()?, before);
            let some = lent.within(forget).await?;
            forgotten += some;
            if some < commands::FORGOTTEN_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }
}

#[async_trait]
impl SchemaStore for PgStore {
    async fn schemas(&self) -> Result<Vec<RegisteredSchema>, StoreError> {
        let lent = self.lend().await?;
        lent.within(schemas::schemas(lent.link()?)).await
    }

    async fn register_schemas(&self, schemas: &[RegisteredSchema]) -> Result<(), StoreError> {
        let lent = self.lend().await?;
        lent.within(schemas::register_schemas(lent.link()?, schemas)).await
    }

    async fn widen_schema(
        &self,
        known: &RegisteredSchema,
        wider: &str,
    ) -> Result<bool, StoreError> {
        let lent = self.lend().await?;
        lent.within(schemas::widen_schema(lent.link()?, known, wider)).await
    }
}

#[async_trait]
impl SnapshotStore for PgStore {
    async fn snapshot(
        &self,
        stream: &StreamId,
        state: &str,
    ) -> Result<Option<SnapshotRecord>, StoreError> {
        let lent = self.lend().await?;
        lent.within(snapshots::snapshot(lent.link()?, stream, state)).await
    }

    async fn save_snapshot(
        &self,
        stream: &StreamId,
        state: &str,
        snapshot: &SnapshotRecord,
    ) -> Result<(), StoreError> {
        let lent = self.lend().await?;
        lent.within(snapshots::save_snapshot(lent.link()?, stream, state, snapshot)).await
    }
}

#[async_trait]
impl TableStore for PgStore {
    async fn load_rows(
        &self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        let lent = self.lend().await?;
        lent.within(tables::load_rows(lent.link()?, table, keys)).await
    }

    async fn query_rows(
        &self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        let lent = self.lend().await?;
        lent.within(tables::query_rows(lent.link()?, table, query)).await
    }

    async fn count_rows(&self, table: &TableSpec, query: &RowQuery) -> Result<u64, StoreError> {
        let lent = self.lend().await?;
        lent.within(tables::count_rows(lent.link()?, table, query)).await
    }
}

#[async_trait]
impl StateStore for PgStore {
    async fn state(&self, key: &str) -> Result<Option<String>, StoreError> {
        let lent = self.lend().await?;
        lent.within(checkpoints::state(lent.link()?, key)).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        let lent = self.lend().await?;
        lent.within(now(lent.link()?)).await
    }
}

#[async_trait]
impl Transact for PgStore {
    async fn transact(&self, work: Work) -> Result<(), StoreError> {
        self.mark().refuse_inside()?;
        self.transact_on(self.lend().await?, work).await
    }

    async fn transact_apart(&self, work: Work) -> Result<(), StoreError> {
        self.mark().refuse_inside()?;
        self.transact_on(Lent::apart(self.connector()).await?, work).await
    }
}

impl PgStore {
    async fn lend(&self) -> Result<Lent<'_>, StoreError> {
        Lent::from(self.connector()).await
    }

    async fn transact_on(&self, lent: Lent<'_>, mut work: Work) -> Result<(), StoreError> {
        let run = async |mut transaction: PgTransaction<'_>| {
            let mut strict = Strict::new(&mut transaction);
            self.mark().around(work.run(&mut strict)).await?;
            strict.finish()?;
            let grown = transaction.grown;
            transaction.commit().await?;
            Ok(grown)
        };
        let grown = lent.transaction(run).await?;
        self.growth().grown(grown);
        Ok(())
    }
}
