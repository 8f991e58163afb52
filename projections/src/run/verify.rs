//! Folding history again, in memory, and comparing with the rows that are there.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use annals_consumers::{PartitionRecord, ops, stands};
use annals_core::store::{
    EventLog, LogFilter, LogPage, LogQuery, StoreError, TransactExt, Transaction,
};
use annals_core::table::{MAX_ROWS, Row, RowQuery, TableSpec};
use annals_core::{Position, RecordedEvent};
use tokio::sync::Mutex;

use super::definition::Definition;
use super::shared::Shared;
use crate::error::ProjectionError;
use crate::fold::{Fold, Nowhere};
use crate::generations::Generation;

impl Shared {
    /// Says whether the rows that are there follow from history, and which is the first that does not.
    /// The rows are kept in memory twice meanwhile. What waits behind parked keys counts on neither side.
    pub(crate) async fn verify(&self) -> Result<String, ProjectionError> {
        let projection = &self.definition.name;
        let active = self.record().await?.active;
        if let Some(why) = self.definition.lacks_history() {
            return Err(StoreError::Invalid { why }.into());
        }
        let Some(active) = active.filter(|active| active.version == self.definition.version) else {
            return Err(ProjectionError::Moved { projection: projection.clone() });
        };
        let parked = ops::parked(&**self.work(), projection).await?;
        let parked = parked.into_iter().filter(|key| key.generation == active.number);
        let mut waits = Waits::default();
        for key in parked {
            match key.skipped {
                false => drop(waits.since.insert(key.key, key.position)),
                true => {
                    let of = (&**projection, active.number);
                    let skipped = ops::positions_waiting(&**self.work(), of, &key.key).await?;
                    waits.skipped.extend(skipped);
                }
            }
        }
        let waits = Arc::new(waits);
        let (name, number) = (projection.clone(), active.number);
        let parts = self.work().transact_with(move |transaction| {
            let name = name.clone();
            Box::pin(async move { stands(transaction, &name, number).await })
        });
        let mut folds = Vec::new();
        for (part, position) in parts.await? {
            let fold = self.definition.new_fold(active.real(&self.definition.tables));
            let mut again = Again {
                filter: LogFilter { slices: Some(part.slices()), ..self.definition.filter() },
                part,
                fold,
                at: Position::START,
                waits: waits.clone(),
                definition: self.definition.clone(),
            };
            again.catch_up(&**self.log(), position.unwrap_or_default()).await?;
            folds.push(again);
        }
        let folds = Arc::new(Mutex::new(folds));
        let (definition, together) = (self.definition.clone(), self.are_together());
        let compared = self.work().transact_with(move |transaction| {
            let (folds, definition) = (folds.clone(), definition.clone());
            let active = active.clone();
            Box::pin(async move {
                let mut folds = folds.lock().await;
                compare(transaction, &definition, &active, &mut folds, together)
                    .await
                    .map_err(ProjectionError::refuse)
            })
        });
        Ok(compared.await?)
    }
}

/// One partition, folded again.
struct Again {
    part: PartitionRecord,
    filter: LogFilter,
    fold: Box<dyn Fold>,
    at: Position,
    waits: Arc<Waits>,
    definition: Definition,
}

/// Events that are in no row, because they wait behind their keys.
#[derive(Default)]
struct Waits {
    /// From where on those of a key wait.
    since: HashMap<String, Position>,
    /// Those that their keys have gone on without.
    skipped: BTreeSet<Position>,
}

impl Waits {
    fn holds(&self, key: &str, event: &RecordedEvent) -> bool {
        self.since.get(key).is_some_and(|since| event.position >= *since)
            || self.skipped.contains(&event.position)
    }
}

impl Again {
    fn query(&self, up_to: Position) -> LogQuery {
        LogQuery::after(self.at).up_to(up_to).filter(self.filter.clone())
    }

    async fn catch_up(
        &mut self,
        log: &dyn EventLog,
        up_to: Position,
    ) -> Result<(), ProjectionError> {
        while self.at < up_to {
            let page = log.read_log(&self.query(up_to)).await?;
            self.take(page).await?;
        }
        Ok(())
    }

    async fn take(&mut self, page: LogPage) -> Result<(), ProjectionError> {
        let key_by = self.definition.key();
        let waits = |event: &RecordedEvent| self.waits.holds(key_by.of(event), event);
        let events = page.events.into_iter().filter(|event| !waits(event)).collect();
        self.fold.take_in(events, &mut Nowhere).await?;
        self.at = page.next.max(Position::new(self.at.get() + 1));
        Ok(())
    }
}

async fn compare(
    transaction: &mut dyn Transaction,
    definition: &Definition,
    active: &Generation,
    folds: &mut [Again],
    together: bool,
) -> Result<String, ProjectionError> {
    let moved = || ProjectionError::Moved { projection: definition.name.clone() };
    let now = stands(transaction, &definition.name, active.number).await?;
    let mut expected: Vec<Row> = Vec::new();
    let real = active.real(&definition.tables);
    let [(shown, table)] = real.as_slice() else {
        return Ok("a handler with several tables is compared by rebuilding it".to_owned());
    };
    for again in folds.iter_mut() {
        let stands = now.iter().find(|(part, _)| part.id() == again.part.id());
        let position = stands.and_then(|(_, position)| *position).ok_or_else(moved)?;
        if again.at > position || (again.at < position && !together) {
            return Err(moved());
        }
        while again.at < position {
            let page = transaction.read_log(&again.query(position)).await?;
            again.take(page).await?;
        }
        let Some(rows) = again.fold.rows() else {
            return Ok(
                "a handler writes by statements of its own: rebuild it to compare".to_owned()
            );
        };
        expected.extend(
            table.kept_rows(&rows).map_err(annals_core::store::StoreError::from)?.into_owned(),
        );
    }
    expected.sort_by(|a, b| by_key(table, a, b));
    let mut expected = expected.into_iter().peekable();
    let mut query = RowQuery { limit: MAX_ROWS, ..RowQuery::default() };
    let mut count = 0u64;
    loop {
        let rows = transaction.query_rows(table, &query).await?;
        let last = rows.len() < MAX_ROWS as usize;
        query.offset += u64::from(MAX_ROWS);
        for row in rows {
            count += 1;
            match expected.next_if(|wanted| by_key(table, wanted, &row).is_le()) {
                Some(wanted) if wanted == row => {}
                wanted => {
                    let key = key_text(table, wanted.as_ref().unwrap_or(&row));
                    return Ok(differs(&shown.name, &key, &row, wanted.as_ref(), table));
                }
            }
        }
        if last {
            break;
        }
    }
    Ok(match expected.next() {
        Some(missing) => {
            format!("the row {} of `{}` is missing", key_text(table, &missing), shown.name)
        }
        None => format!("{count} rows follow from history"),
    })
}

fn by_key(table: &TableSpec, a: &Row, b: &Row) -> Ordering {
    let columns = table.key.iter().map(|&place| a[place].order(&b[place]));
    columns.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// The key, which names the row; values of other columns may be personal and are left out.
fn key_text(table: &TableSpec, row: &Row) -> String {
    let columns = table.key.iter();
    let parts: Vec<_> =
        columns.map(|&place| format!("{} = {}", table.columns[place].name, row[place])).collect();
    parts.join(", ")
}

fn differs(shown: &str, key: &str, row: &Row, wanted: Option<&Row>, table: &TableSpec) -> String {
    let Some(wanted) = wanted else {
        return format!("the row {key} of `{shown}` does not follow from history");
    };
    if by_key(table, wanted, row).is_ne() {
        return format!("the row {key} of `{shown}` is missing");
    }
    let columns = table.columns.iter().zip(row.iter().zip(wanted));
    let other = columns.filter(|(_, (is, should))| is != should).map(|(column, _)| column.name);
    let other: Vec<_> = other.collect();
    format!("the row {key} of `{shown}` differs in {}: rebuild it", other.join(", "))
}
