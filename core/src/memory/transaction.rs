//! A transaction in memory: writes at once, and remembers how to take everything back.
//!
//! What is not committed is taken back when the transaction is dropped: also when its work panics,
//! or when the future that runs it is dropped in the middle.

use async_trait::async_trait;
use jiff::Timestamp;

use super::state::{SortedKey, State, Table};
use crate::names::Position;
use crate::store::{Append, Appended, Lease, LogPage, LogQuery, StoreError, Transaction};
use crate::table::{Row, RowKey, TableSpec, Value};

pub(super) struct MemoryTransaction<'s> {
    pub(super) state: &'s mut State,
    undo: Vec<Undo>,
}

/// What stood there before.
enum Undo {
    /// Where the log ended before an append, and the key of its command.
    Append(Position, Option<String>),
    Checkpoint(String, Option<Position>),
    State(String, Option<String>),
    Table(String, Option<Table>),
    View(String, Option<String>),
    Row(String, SortedKey, Option<Row>),
}

impl<'s> MemoryTransaction<'s> {
    pub(super) fn begin(state: &'s mut State) -> Self {
        Self { state, undo: Vec::new() }
    }

    pub(super) fn commit(mut self) {
        self.undo.clear();
    }

    pub(super) fn append(&mut self, append: &Append, now: Timestamp) -> Appended {
        let command = append.command.as_ref().map(|key| key.as_str().to_owned());
        self.undo.push(Undo::Append(self.state.head(), command));
        self.state.write(append, now)
    }

    fn table_mut(&mut self, spec: &TableSpec) -> Result<(String, &mut Table), StoreError> {
        let name = self.state.views.get(&spec.name).unwrap_or(&spec.name).clone();
        match self.state.tables.get_mut(&name) {
            Some(table) => Ok((name, table)),
            None => Err(StoreError::NoSuchTable { table: name }),
        }
    }
}

impl Drop for MemoryTransaction<'_> {
    fn drop(&mut self) {
        let state = &mut *self.state;
        for undo in self.undo.drain(..).rev() {
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
}

fn restore<V>(map: &mut std::collections::HashMap<String, V>, key: String, old: Option<V>) {
    match old {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

#[async_trait]
impl Transaction for MemoryTransaction<'_> {
    async fn checkpoint(&mut self, name: &str) -> Result<Option<Position>, StoreError> {
        Ok(self.state.checkpoints.get(name).copied())
    }

    async fn set_checkpoint(&mut self, name: &str, position: Position) -> Result<(), StoreError> {
        let old = self.state.checkpoints.insert(name.to_owned(), position);
        self.undo.push(Undo::Checkpoint(name.to_owned(), old));
        Ok(())
    }

    async fn remove_checkpoint(&mut self, name: &str) -> Result<(), StoreError> {
        let old = self.state.checkpoints.remove(name);
        self.undo.push(Undo::Checkpoint(name.to_owned(), old));
        Ok(())
    }

    async fn check_lease(&mut self, lease: &Lease) -> Result<(), StoreError> {
        self.state.check_lease(lease)
    }

    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.state.states.get(key).cloned())
    }

    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError> {
        let old = self.state.states.insert(key.to_owned(), text.to_owned());
        self.undo.push(Undo::State(key.to_owned(), old));
        Ok(())
    }

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
        keys: &[RowKey],
    ) -> Result<Vec<Row>, StoreError> {
        self.state.load_rows(table, keys)
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

    async fn delete_rows(&mut self, spec: &TableSpec, keys: &[RowKey]) -> Result<(), StoreError> {
        for key in keys {
            let (name, table) = self.table_mut(spec)?;
            let key = SortedKey(key.clone());
            let old = table.rows.remove(&key);
            self.undo.push(Undo::Row(name, key, old));
        }
        Ok(())
    }

    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError> {
        Ok(self.state.read_log(query))
    }

    async fn execute(&mut self, _sql: &str, _parameters: &[Value]) -> Result<u64, StoreError> {
        Err(no_sql())
    }

    async fn query(&mut self, _sql: &str, _parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        Err(no_sql())
    }
}

fn no_sql() -> StoreError {
    StoreError::Unsupported { store: "memory", what: "SQL" }
}
