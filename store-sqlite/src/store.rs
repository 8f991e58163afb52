//! The store's traits, each method a way to the writer or to a reader.

use annals_core::store::{
    Append, Appended, Capabilities, CheckpointStore, CommandKey, CommandRecord, CommandStore,
    EventStore, LogPage, LogQuery, PayloadVisitor, SchemaStore, SnapshotRecord, SnapshotStore,
    StateStore, StoreError, StreamQuery, Strict, TableStore, Transact, Wakeups, Work,
};
use annals_core::table::{KeyValues, Row, RowQuery, TableSpec};
use annals_core::{Position, RecordedEvent, RegisteredSchema, StreamId, StreamVersion, cut_time};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::STORE;
use crate::job::{Group, Isolation, Size};
use crate::transaction::SqliteTransaction;
use crate::visit::Visit;
use crate::{SqliteStore, append, checkpoints, commands, log, read, schemas, snapshots, tables};

#[async_trait]
impl EventStore for SqliteStore {
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
        let writer = self.writer()?;
        let size = Size::of(&append);
        let short = append.hooks.is_empty() && size.is_short();
        let host = self.host();
        let work = move |group: &mut Group<'_>| append::append(group, append, &host);
        if short {
            writer.write_short(size, work).await
        } else {
            writer.write(Isolation::None, size, work).await
        }
    }

    async fn append_bulk(&self, appends: Vec<Append>) -> Vec<Result<Appended, StoreError>> {
        let mut results = Vec::with_capacity(appends.len());
        let mut rest = appends.into_iter().peekable();
        while rest.peek().is_some() {
            let mut size = Size::default();
            let mut part = Vec::new();
            while !size.fills_a_commit()
                && let Some(append) = rest.next()
            {
                size += Size::of(&append);
                part.push(append);
            }
            results.extend(self.append_part(part, size).await);
        }
        results
    }

    async fn read_stream(&self, query: &StreamQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        let (query, place) = (query.clone(), self.place());
        self.readers().read(move |c| read::read_stream(c, &query, &place)).await
    }

    async fn visit_stream(
        &self,
        stream: &StreamId,
        after: StreamVersion,
        up_to: StreamVersion,
        visitor: PayloadVisitor,
    ) -> Result<Position, StoreError> {
        let mut visit = Visit::new(stream.clone(), (after, up_to), visitor);
        let place = self.place();
        if let Some(started) = self.readers().read_here(|c| visit.start(c, &place))
            && let Some(last) = started?
        {
            return Ok(last);
        }
        self.readers().read(move |c| visit.go_on(c, &place)).await
    }

    async fn read_log(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let (query, place) = (query.clone(), self.place());
        let read = move |c: &rusqlite::Connection| {
            let head = log::read_head(c, &place)?;
            log::read_log(c, &query, head, &place)
        };
        self.readers().read(read).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        let place = self.place();
        if let Some(head) = self.readers().read_here(|c| log::read_head(c, &place)) {
            return head;
        }
        self.readers().read(move |c| log::read_head(c, &place)).await
    }

    fn wakeups(&self) -> Wakeups {
        self.wakeup_sender().subscribe()
    }
}

impl SqliteStore {
    /// Appends in one commit, each judged on its own.
    async fn append_part(
        &self,
        appends: Vec<Append>,
        size: Size,
    ) -> Vec<Result<Appended, StoreError>> {
        let count = appends.len();
        let host = self.host();
        let work = move |group: &mut Group<'_>| {
            let judge = |append: Append| match append.check() {
                Ok(()) => append::append(group, append, &host),
                Err(error) => Err(error),
            };
            Ok(appends.into_iter().map(judge).collect::<Vec<_>>())
        };
        let written = match self.writer() {
            Ok(writer) => writer.write(Isolation::None, size, work).await,
            Err(error) => Err(error),
        };
        written.unwrap_or_else(|error| vec![Err(error); count])
    }
}

#[async_trait]
impl CheckpointStore for SqliteStore {
    async fn checkpoint(&self, name: &str) -> Result<Option<Position>, StoreError> {
        let (name, place) = (name.to_owned(), self.place());
        self.readers().read(move |c| checkpoints::checkpoint(c, &name, &place)).await
    }
}

#[async_trait]
impl CommandStore for SqliteStore {
    async fn command(&self, key: &CommandKey) -> Result<Option<CommandRecord>, StoreError> {
        let place = self.place();
        if let Some(found) = self.readers().read_here(|c| commands::find_command(c, key, &place)) {
            return found;
        }
        let key = key.clone();
        self.readers().read(move |c| commands::find_command(c, &key, &place)).await
    }

    async fn forget_commands(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            let work = move |group: &mut Group<'_>| commands::forget_some(group, before);
            let some = self.writer()?.write(Isolation::Savepoint, Size::default(), work).await?;
            forgotten += some;
            if some < commands::FORGOTTEN_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }
}

#[async_trait]
impl SchemaStore for SqliteStore {
    async fn schemas(&self) -> Result<Vec<RegisteredSchema>, StoreError> {
        let place = self.place();
        self.readers().read(move |c| schemas::schemas(c, &place)).await
    }

    async fn register_schemas(&self, schemas: &[RegisteredSchema]) -> Result<(), StoreError> {
        let schemas = schemas.to_vec();
        let work = move |group: &mut Group<'_>| schemas::register_schemas(group, &schemas);
        self.writer()?.write(Isolation::Savepoint, Size::default(), work).await
    }

    async fn widen_schema(
        &self,
        known: &RegisteredSchema,
        wider: &str,
    ) -> Result<bool, StoreError> {
        let (known, wider) = (known.clone(), wider.to_owned());
        let work = move |group: &mut Group<'_>| schemas::widen_schema(group, &known, &wider);
        self.writer()?.write(Isolation::Savepoint, Size::default(), work).await
    }
}

#[async_trait]
impl SnapshotStore for SqliteStore {
    async fn snapshot(
        &self,
        stream: &StreamId,
        state: &str,
    ) -> Result<Option<SnapshotRecord>, StoreError> {
        let (stream, state, place) = (stream.clone(), state.to_owned(), self.place());
        self.readers().read(move |c| snapshots::snapshot(c, &stream, &state, &place)).await
    }

    async fn save_snapshot(
        &self,
        stream: &StreamId,
        state: &str,
        snapshot: &SnapshotRecord,
    ) -> Result<(), StoreError> {
        let (stream, state, snapshot) = (stream.clone(), state.to_owned(), snapshot.clone());
        let work = move |group: &mut Group<'_>| {
            snapshots::save_snapshot(group, &stream, &state, &snapshot)
        };
        self.writer()?.write(Isolation::Savepoint, Size::default(), work).await
    }
}

#[async_trait]
impl TableStore for SqliteStore {
    async fn load_rows(
        &self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        let (table, keys, place) = (table.clone(), keys.to_vec(), self.place());
        let read = move |c: &rusqlite::Connection| {
            // One snapshot for all keys, though each is a query of its own.
            let transaction = c.unchecked_transaction();
            let _open = transaction.map_err(|error| tables::explain(error, &table, &place))?;
            tables::load_rows(c, &table, &keys, &place)
        };
        self.readers().read(read).await
    }

    async fn query_rows(
        &self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        let (table, query, place) = (table.clone(), query.clone(), self.place());
        self.readers().read(move |c| tables::query_rows(c, &table, &query, &place)).await
    }

    async fn count_rows(&self, table: &TableSpec, query: &RowQuery) -> Result<u64, StoreError> {
        let (table, query, place) = (table.clone(), query.clone(), self.place());
        self.readers().read(move |c| tables::count_rows(c, &table, &query, &place)).await
    }
}

#[async_trait]
impl StateStore for SqliteStore {
    async fn state(&self, key: &str) -> Result<Option<String>, StoreError> {
        let (key, place) = (key.to_owned(), self.place());
        self.readers().read(move |c| checkpoints::state(c, &key, &place)).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        let options = self.readers().options();
        self.readers().read(move |_| Ok(cut_time(options.clock.now()))).await
    }
}

#[async_trait]
impl Transact for SqliteStore {
    async fn transact(&self, mut work: Work) -> Result<(), StoreError> {
        let host = self.host();
        let run = move |group: &mut Group<'_>| {
            let mut transaction = SqliteTransaction::new(group);
            let mut strict = Strict::new(&mut transaction);
            host.run(work.run(&mut strict))?;
            strict.finish()
        };
        self.writer()?.write(Isolation::Savepoint, Size::default(), run).await
    }

    async fn transact_apart(&self, work: Work) -> Result<(), StoreError> {
        // There is one writer, and everybody waits for it.
        self.transact(work).await
    }
}
