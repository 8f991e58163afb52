//! A transaction in memory: writes at once, and remembers how to take everything back.
//!
//! What is not committed is taken back when the transaction is dropped: also when its work panics,
//! or when the future that runs it is dropped in the middle.

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use super::state::{SortedKey, State, Table};
use crate::names::Position;
use crate::store::{
    Advance, Append, Appended, Fence, LogPage, LogQuery, StoreError, TransactionCheckpoints,
    TransactionLog, TransactionSql, TransactionState, TransactionTables,
};
use crate::table::{KeyValues, Row, RowQuery, TableSpec, Value};
use crate::time::cut_time;

pub(super) struct MemoryTransaction<'s> {
    pub(super) store: &'s MemoryStore,
    pub(super) state: &'s mut State,
    undo: Vec<Undo>,
}

/// What stood there before.
enum Undo {
    /// Where the log ended before an append, and the key of its command.
    Append(Position, Option<String>),
    Checkpoint(String, Option<Fence>),
    State(String, Option<String>),
    Table(String, Option<Table>),
    View(String, Option<String>),
    Row(String, SortedKey, Option<Row>),
}

impl<'s> MemoryTransaction<'s> {
    pub(super) fn begin(store: &'s MemoryStore, state: &'s mut State) -> Self {
        Self { store, state, undo: Vec::new() }
    }

    pub(super) fn commit(mut self) {
        self.undo.clear();
    }

    /// Where [`roll_back_to`](Self::roll_back_to) leads back to.
    pub(super) fn savepoint(&self) -> usize {
        self.undo.len()
    }

    pub(super) fn roll_back_to(&mut self, savepoint: usize) {
        let state = &mut *self.state;
        for undo in self.undo.drain(savepoint..).rev() {
            match undo {
                Undo::Append(head, command) => state.unwrite(head, command.as_deref()),
                Undo::Checkpoint(name, old) => restore(&mut state.checkpoints, name, old),
                Undo::State(key, old) => restore(&mut state.states, key, old),
                Undo::Table(name, old) => restore(&mut state.tables, name, old),
                Undo::View(name, old) => restore(&mut state.views, name, old),
                Undo::Row(name, key, old) => {
                    if let Some(table) = state.tables.get_mut(&name) {
                        match old {
                            Some(row) => table.rows.insert(key, row),
                            None => table.rows.remove(&key),
                        };
                    }
                }
            }
        }
    }

    pub(super) fn write(&mut self, append: &Append, now: Timestamp) -> Appended {
        let command = append.command.as_ref().map(|key| key.as_str().to_owned());
        self.undo.push(Undo::Append(self.state.head(), command));
        self.state.write(append, now)
    }

    fn checkpoint_is(&mut self, name: &str, fence: Option<Fence>) {
        let old = self.state.checkpoints.get(name).copied();
        restore(&mut self.state.checkpoints, name.to_owned(), fence);
        self.undo.push(Undo::Checkpoint(name.to_owned(), old));
    }

    fn table_mut(&mut self, spec: &TableSpec) -> Result<(String, &mut Table), StoreError> {
        let name = self.state.views.get(&spec.name).unwrap_or(&spec.name).clone();
        if spec.own && !self.state.tables.contains_key(&name) {
            let empty = Table { spec: spec.clone(), rows: Default::default() };
            self.state.tables.insert(name.clone(), empty);
        }
        match self.state.tables.get_mut(&name) {
            Some(table) => Ok((name, table)),
            None => Err(StoreError::NoSuchTable { table: name }),
        }
    }
}

impl Drop for MemoryTransaction<'_> {
    fn drop(&mut self) {
        self.roll_back_to(0);
    }
}

fn restore<V>(map: &mut std::collections::HashMap<String, V>, key: String, old: Option<V>) {
    match old {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

#[async_trait]
impl TransactionCheckpoints for MemoryTransaction<'_> {
    async fn checkpoint(&mut self, name: &str) -> Result<Option<Position>, StoreError> {
        Ok(self.state.checkpoints.get(name).map(|fence| fence.position))
    }

    async fn set_checkpoint(&mut self, name: &str, position: Position) -> Result<(), StoreError> {
        let token = self.state.checkpoints.get(name).map_or(0, |fence| fence.token);
        self.checkpoint_is(name, Some(Fence { token, position }));
        Ok(())
    }

    async fn remove_checkpoint(&mut self, name: &str) -> Result<(), StoreError> {
        self.checkpoint_is(name, None);
        Ok(())
    }

    async fn fence_checkpoint(&mut self, name: &str) -> Result<Fence, StoreError> {
        let old = self.state.checkpoints.get(name);
        let fence = match old {
            Some(old) => Fence { token: old.token + 1, ..*old },
            None => Fence { token: 1, position: Position::START },
        };
        self.checkpoint_is(name, Some(fence));
        Ok(fence)
    }

    async fn advance_checkpoint(&mut self, step: &Advance) -> Result<(), StoreError> {
        let Advance { name, token, from, to } = step;
        if self.state.checkpoints.get(name) != Some(&Fence { token: *token, position: *from }) {
            return Err(step.refused());
        }
        self.checkpoint_is(name, Some(Fence { token: *token, position: *to }));
        Ok(())
    }
}

#[async_trait]
impl TransactionState for MemoryTransaction<'_> {
    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.state.states.get(key).cloned())
    }

    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError> {
        let old = self.state.states.insert(key.to_owned(), text.to_owned());
        self.undo.push(Undo::State(key.to_owned(), old));
        Ok(())
    }

    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        Ok(cut_time(self.store.clock.now()))
    }
}

#[async_trait]
impl TransactionTables for MemoryTransaction<'_> {
    async fn create_table(&mut self, table: &TableSpec) -> Result<(), StoreError> {
        table.check().map_err(|error| StoreError::Invalid { why: error.to_string() })?;
        let rows = match self.state.tables.remove(&table.name) {
            Some(old) => {
                let rows = old.rows.clone();
                self.undo.push(Undo::Table(table.name.clone(), Some(old)));
                rows
            }
            None => {
                self.undo.push(Undo::Table(table.name.clone(), None));
                Default::default()
            }
        };
        let made = Table { spec: table.clone(), rows };
        let checked = made.check_all_unique();
        self.state.tables.insert(table.name.clone(), made);
        checked
    }

    async fn drop_table(&mut self, table: &str) -> Result<(), StoreError> {
        let old = self.state.tables.remove(table);
        self.undo.push(Undo::Table(table.to_owned(), old));
        Ok(())
    }

    async fn point_view(&mut self, view: &str, table: &TableSpec) -> Result<(), StoreError> {
        self.state.find_table(table)?;
        let old = self.state.views.insert(view.to_owned(), table.name.clone());
        self.undo.push(Undo::View(view.to_owned(), old));
        Ok(())
    }

    async fn drop_view(&mut self, view: &str) -> Result<(), StoreError> {
        let old = self.state.views.remove(view);
        self.undo.push(Undo::View(view.to_owned(), old));
        Ok(())
    }

    async fn load_rows(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        self.state.load_rows(table, keys)
    }

    async fn query_rows(
        &mut self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        self.state.query_rows(table, query)
    }

    async fn upsert_rows(&mut self, spec: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        for row in rows {
            let (name, table) = self.table_mut(spec)?;
            let key = SortedKey(spec.key_of(row));
            table.check_unique(&key, row)?;
            let old = table.rows.insert(key.clone(), row.clone());
            self.undo.push(Undo::Row(name, key, old));
        }
        Ok(())
    }

    async fn raise_rows(
        &mut self,
        spec: &TableSpec,
        rows: &[Row],
        column: &str,
    ) -> Result<u64, StoreError> {
        let place = spec.raised_column(column)?;
        let mut written = 0;
        for row in rows {
            let (_, table) = self.table_mut(spec)?;
            let known = table.rows.get(&SortedKey(spec.key_of(row)));
            if known.is_none_or(|known| known[place].order(&row[place]).is_lt()) {
                self.upsert_rows(spec, std::slice::from_ref(row)).await?;
                written += 1;
            }
        }
        Ok(written)
    }

    /// Here nothing is on its way.
    async fn enqueue_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        self.upsert_rows(table, rows).await
    }

    async fn delete_rows(
        &mut self,
        spec: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<(), StoreError> {
        for key in keys {
            let (name, table) = self.table_mut(spec)?;
            let key = SortedKey(key.clone());
            let old = table.rows.remove(&key);
            self.undo.push(Undo::Row(name, key, old));
        }
        Ok(())
    }
}

#[async_trait]
impl TransactionLog for MemoryTransaction<'_> {
    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError> {
        Ok(self.state.read_log(query))
    }

    async fn append(&mut self, append: &Append) -> Result<Appended, StoreError> {
        self.append_with_hooks(append).await
    }
}

#[async_trait]
impl TransactionSql for MemoryTransaction<'_> {
    async fn execute(&mut self, _sql: &str, _parameters: &[Value]) -> Result<u64, StoreError> {
        Err(no_sql())
    }

    async fn enqueue(&mut self, _sql: &str, _parameters: &[Value]) -> Result<(), StoreError> {
        Err(no_sql())
    }

    async fn query(&mut self, _sql: &str, _parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        Err(no_sql())
    }
}

fn no_sql() -> StoreError {
    StoreError::Unsupported { store: "memory", what: "SQL" }
}
