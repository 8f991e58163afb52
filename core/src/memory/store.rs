//! The store's traits, each method a call into the state.

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use super::transaction::MemoryTransaction;
use crate::envelope::RecordedEvent;
use crate::names::{Position, StreamId, StreamVersion};
use crate::schema::RegisteredSchema;
use crate::store::{
    Append, Appended, Capabilities, CheckpointStore, CommandKey, CommandRecord, CommandStore,
    EventStore, LogPage, LogQuery, PayloadVisitor, SchemaStore, SnapshotRecord, SnapshotStore,
    StateStore, StoreError, StreamQuery, Strict, TableStore, Transact, Wakeups, Work,
};
use crate::table::{KeyValues, Row, RowQuery, TableSpec};
use crate::time::cut_time;

#[async_trait]
impl EventStore for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "memory",
            durable: false,
            shared: false,
            sql: false,
            dense: true,
            atomic: true,
        }
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.append_one(append).await
    }

    async fn append_bulk(&self, appends: Vec<Append>) -> Vec<Result<Appended, StoreError>> {
        let mut results = Vec::with_capacity(appends.len());
        for append in appends {
            results.push(self.append_one(append).await);
        }
        results
    }

    async fn read_stream(&self, query: &StreamQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        Ok(self.lock().await?.read_stream(query))
    }

    async fn visit_stream(
        &self,
        stream: &StreamId,
        after: StreamVersion,
        up_to: StreamVersion,
        visitor: PayloadVisitor,
    ) -> Result<Position, StoreError> {
        Ok(self.lock().await?.visit_stream(stream, after, up_to, visitor))
    }

    async fn read_log(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        Ok(self.lock().await?.read_log(query))
    }

    async fn head(&self) -> Result<Position, StoreError> {
        Ok(self.lock().await?.head())
    }

    fn wakeups(&self) -> Wakeups {
        self.wakeups.subscribe()
    }
}

#[async_trait]
impl CheckpointStore for MemoryStore {
    async fn checkpoint(&self, name: &str) -> Result<Option<Position>, StoreError> {
        Ok(self.lock().await?.checkpoints.get(name).map(|fence| fence.position))
    }
}

#[async_trait]
impl CommandStore for MemoryStore {
    async fn command(&self, key: &CommandKey) -> Result<Option<CommandRecord>, StoreError> {
        Ok(self.lock().await?.commands.get(key.as_str()).cloned())
    }

    async fn forget_commands(&self, before: Timestamp) -> Result<u64, StoreError> {
        let commands = &mut self.lock().await?.commands;
        let known = commands.len();
        commands.retain(|_, record| record.recorded_at >= before);
        Ok((known - commands.len()) as u64)
    }
}

#[async_trait]
impl SchemaStore for MemoryStore {
    async fn schemas(&self) -> Result<Vec<RegisteredSchema>, StoreError> {
        Ok(self.lock().await?.schemas.values().cloned().collect())
    }

    async fn register_schemas(&self, schemas: &[RegisteredSchema]) -> Result<(), StoreError> {
        let known = &mut self.lock().await?.schemas;
        for schema in schemas {
            let key = (schema.event_type.clone(), schema.version);
            known.entry(key).or_insert_with(|| schema.clone());
        }
        Ok(())
    }

    async fn widen_schema(
        &self,
        known: &RegisteredSchema,
        wider: &str,
    ) -> Result<bool, StoreError> {
        let schemas = &mut self.state.lock().await.schemas;
        match schemas.get_mut(&(known.event_type.clone(), known.version)) {
            Some(stored) if stored.schema == known.schema => {
                wider.clone_into(&mut stored.schema);
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

#[async_trait]
impl SnapshotStore for MemoryStore {
    async fn snapshot(
        &self,
        stream: &StreamId,
        state: &str,
    ) -> Result<Option<SnapshotRecord>, StoreError> {
        let key = (stream.clone(), state.to_owned());
        Ok(self.lock().await?.snapshots.get(&key).cloned())
    }

    async fn save_snapshot(
        &self,
        stream: &StreamId,
        state: &str,
        snapshot: &SnapshotRecord,
    ) -> Result<(), StoreError> {
        let snapshots = &mut self.lock().await?.snapshots;
        let key = (stream.clone(), state.to_owned());
        let newer = snapshots
            .get(&key)
            .is_some_and(|known| known.shape == snapshot.shape && known.version > snapshot.version);
        if !newer {
            snapshots.insert(key, snapshot.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl TableStore for MemoryStore {
    async fn load_rows(
        &self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        self.lock().await?.load_rows(table, keys)
    }

    async fn query_rows(
        &self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        self.lock().await?.query_rows(table, query)
    }

    async fn count_rows(&self, table: &TableSpec, query: &RowQuery) -> Result<u64, StoreError> {
        self.lock().await?.count_rows(table, query)
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn state(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.lock().await?.states.get(key).cloned())
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(cut_time(self.clock.now()))
    }
}

#[async_trait]
impl Transact for MemoryStore {
    async fn transact(&self, mut work: Work) -> Result<(), StoreError> {
        let mut state = self.lock().await?;
        let mut transaction = MemoryTransaction::begin(self, &mut state);
        let mut strict = Strict::new(&mut transaction);
        self.mark().around(work.run(&mut strict)).await?;
        strict.finish()?;
        transaction.commit();
        self.wakeups.wake(state.head());
        Ok(())
    }

    async fn transact_apart(&self, work: Work) -> Result<(), StoreError> {
        self.transact(work).await
    }
}
