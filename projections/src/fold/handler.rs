//! The second form: a handler that gets the transaction and one event, for SQL of one's own.

use std::sync::Arc;

use annals_consumers::{OnFailure, Until, Wrote};
use annals_core::store::{BoxError, StoreError, Transaction};
use annals_core::table::{KeyValues, Row, TableSpec, Value};
use annals_core::{Event, Recorded, RecordedEvent, trace};
use async_trait::async_trait;
use tracing::{Instrument, Span};

use super::kept_rows::KeptRows;
use super::{Fold, RowSource};
use crate::error::{FailedEvent, ProjectionError};
use crate::read_model::ReadModel;
use crate::run::Partitions;

/// Handles one event at a time inside the transaction that also writes the checkpoint. The value is
/// kept for as long as the program runs, so that it can hold settings or a client of its own.
///
/// Its tables are made, versioned, rebuilt and switched like those of a
/// [`Projection`](super::Projection). It must write nothing but them.
#[async_trait]
pub trait EventHandler: Send + Sync + 'static {
    /// The events it wants.
    type Event: Event;

    /// A stable name. At most 40 characters.
    const NAME: &'static str;

    /// Raise it when the handler or the columns change.
    const VERSION: u32;

    /// Names it had before: under them it finds its tables when it was renamed.
    const FORMERLY: &'static [&'static str] = &[];

    /// Into how many partitions it may be cut, to be worked on by several processes at once. It must
    /// then write nothing but what belongs to the id of the event's stream.
    const PARTITIONS: Partitions = Partitions::One;

    /// What becomes of an event that fails: see [`Projection::ON_FAILURE`](super::Projection::ON_FAILURE).
    const ON_FAILURE: OnFailure = OnFailure::Park;

    /// The tables it keeps, such as `vec![Order::table().clone()]`.
    fn tables() -> Vec<TableSpec>;

    /// Handles one event. It can await what it likes, but everybody waits for it: on SQLite it is given up
    /// after `work_timeout`. It cannot append to the store or execute a command, which is refused; to
    /// react to events by commands, follow a subscription.
    ///
    /// # Errors
    /// Anything: the whole batch is rolled back and tried again later.
    async fn handle(
        &self,
        event: &Recorded<Self::Event>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError>;
}

/// The tables of a handler inside its transaction.
pub struct HandlerTables<'t> {
    transaction: &'t mut dyn Transaction,
    tables: &'t [(TableSpec, TableSpec)],
    rows: KeptRows,
    /// How many rows statements of the handler's own have changed.
    changed: u64,
}

impl HandlerTables<'_> {
    /// Runs a statement with `$1`, `$2`, …; `{orders}` stands for the handler's table `orders`,
    /// whose real name changes with every rebuild. Returns how many rows it changed.
    ///
    /// # Errors
    /// What the store says. One failure ends the transaction of the whole batch, on every store: a
    /// handler passes it on, and writes what may be there already with `INSERT … ON CONFLICT` or
    /// after a look.
    pub async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError> {
        let sql = self.own_statement(sql).await?;
        let changed = self.transaction.execute(&sql, parameters).await?;
        self.changed += changed;
        Ok(changed)
    }

    /// Runs a statement in its turn, as [`execute`](Self::execute) does, without waiting for its answer:
    /// the next can be made meanwhile, which on a network is several times as fast. Should it fail, the
    /// events of the batch are given to the handler again, one by one, so that only its own event is
    /// parked.
    ///
    /// # Errors
    /// What the store says, perhaps of a statement before.
    pub async fn enqueue(&mut self, sql: &str, parameters: &[Value]) -> Result<(), StoreError> {
        let sql = self.own_statement(sql).await?;
        self.transaction.enqueue(&sql, parameters).await
    }

    /// Runs a query in the same way and returns its rows.
    ///
    /// # Errors
    /// What the store says.
    pub async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        let sql = self.own_statement(sql).await?;
        self.transaction.query(&sql, parameters).await
    }

    /// The row of `M` with this key, as the handler has left it. It is read once a transaction.
    ///
    /// # Errors
    /// What the store says, or a row that does not fit.
    pub async fn get<M: ReadModel>(&mut self, key: &M::Key) -> Result<Option<M>, BoxError> {
        let table = real::<M>(self.tables)?;
        let row = self.rows.get(self.transaction, table, M::key_values(key)).await?;
        Ok(row.map(M::from_row).transpose()?)
    }

    /// The row with this key of another read model of the same workspace, as it is shown to readers:
    /// perhaps a moment ahead or behind, because it is kept by itself.
    ///
    /// # Errors
    /// What the store says, or a row that does not fit.
    pub async fn look_up<M: ReadModel>(&mut self, key: &M::Key) -> Result<Option<M>, BoxError> {
        // It may be one of the handler's own, under the name that readers know it by.
        self.rows.write(self.transaction).await?;
        let keys: [KeyValues; 1] = [M::key_values(key)];
        let rows = self.transaction.load_rows(M::table(), &keys).await?;
        Ok(rows.into_iter().next().map(M::from_row).transpose()?)
    }

    /// Inserts or replaces a row. Rows are written once a transaction, at its end or before the next
    /// statement of the handler's own; should the database refuse one, the events of the batch are given
    /// to the handler again, one by one, so that only the event at fault is parked.
    ///
    /// # Errors
    /// A value that no column holds, or what the store says.
    pub async fn put<M: ReadModel>(&mut self, row: &M) -> Result<(), BoxError> {
        let table = real::<M>(self.tables)?;
        Ok(self.rows.put(self.transaction, table, row.to_row()).await?)
    }

    /// Removes a row, when [`put`](Self::put) would write it.
    ///
    /// # Errors
    /// As for [`put`](Self::put).
    pub async fn remove<M: ReadModel>(&mut self, key: &M::Key) -> Result<(), BoxError> {
        let table = real::<M>(self.tables)?;
        Ok(self.rows.remove(self.transaction, table, M::key_values(key)).await?)
    }

    /// Makes a statement ready, which may read what was changed here and change what is known here.
    async fn own_statement(&mut self, sql: &str) -> Result<String, StoreError> {
        self.rows.write_and_forget(self.transaction).await?;
        Ok(self.with_names(sql))
    }

    fn with_names(&self, sql: &str) -> String {
        let mut sql = sql.to_owned();
        for (table, real) in self.tables {
            sql = sql.replace(&format!("{{{}}}", table.name), &format!("\"{}\"", real.name));
        }
        sql
    }
}

/// The handler's table of `M`, as it is called now.
fn real<M: ReadModel>(tables: &[(TableSpec, TableSpec)]) -> Result<&TableSpec, BoxError> {
    let found = tables.iter().find(|(table, _)| table.name == M::table().name);
    match found {
        Some((_, real)) => Ok(real),
        None => Err(format!("`{}` is not one of the handler's tables", M::table().name).into()),
    }
}

pub(crate) struct Handling<H: EventHandler> {
    handler: Arc<H>,
    /// Each table as it is called, and as it is.
    tables: Vec<(TableSpec, TableSpec)>,
    events: Vec<Recorded<H::Event>>,
    /// How many of them the last transaction has handled.
    handled: usize,
    /// How many rows it has changed.
    rows: u64,
}

impl<H: EventHandler> Handling<H> {
    pub(crate) fn new(handler: Arc<H>, tables: Vec<(TableSpec, TableSpec)>) -> Self {
        Self { handler, tables, events: Vec::new(), handled: 0, rows: 0 }
    }
}

#[async_trait]
impl<H: EventHandler> Fold for Handling<H> {
    async fn take_in(
        &mut self,
        events: Vec<RecordedEvent>,
        _rows: &mut dyn RowSource,
    ) -> Result<(), ProjectionError> {
        for event in events {
            let failed = FailedEvent::of(&event);
            let event = Recorded::decode(event);
            self.events.push(event.map_err(|source| ProjectionError::Decode {
                event: failed,
                source: Arc::new(source),
            })?);
        }
        Ok(())
    }

    fn begin_key(&mut self, _id: &str) -> Result<(), String> {
        Err("a handler writes by statements of its own, and which rows are those of a key is not \
             known: rebuild all of it"
            .to_owned())
    }

    fn pending(&self) -> usize {
        self.events.len()
    }

    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        until: &Until,
    ) -> Result<Wrote, ProjectionError> {
        (self.handled, self.rows) = (0, 0);
        let mut tables = HandlerTables {
            transaction,
            tables: &self.tables,
            rows: KeptRows::default(),
            changed: 0,
        };
        let mut wrote = Wrote::All;
        for event in &self.events {
            let handled = self.handler.handle(event, &mut tables).instrument(span::<H>(event));
            handled.await.map_err(|source| ProjectionError::Handler {
                event: FailedEvent::of_recorded(event),
                source: source.into(),
            })?;
            self.handled += 1;
            if self.handled < self.events.len() && until.is_over() {
                wrote = Wrote::UpTo(event.position);
                break;
            }
        }
        tables.rows.write(tables.transaction).await?;
        self.rows = tables.changed + tables.rows.changed();
        Ok(wrote)
    }

    fn rows(&self) -> Option<Vec<Row>> {
        None
    }

    fn written(&mut self) -> u64 {
        self.events.drain(..self.handled);
        self.handled = 0;
        std::mem::take(&mut self.rows)
    }

    fn forget(&mut self) {
        self.events.clear();
        (self.handled, self.rows) = (0, 0);
    }
}

/// There are as many of them as events, within the span of the batch.
fn span<H: EventHandler>(event: &RecordedEvent) -> Span {
    let span = tracing::debug_span!(
        "annals.handle",
        otel.kind = "consumer",
        consumer = H::NAME,
        stream = %event.stream,
        event_type = %event.event_type,
        position = event.position.get(),
    );
    trace::link(&span, event);
    span
}
