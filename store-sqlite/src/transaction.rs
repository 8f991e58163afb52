//! What work inside a transaction can do.

use annals_core::Position;
use annals_core::store::{
    Advance, Append, Appended, Fence, LogPage, LogQuery, StoreError, TransactionCheckpoints,
    TransactionLog, TransactionSql, TransactionState, TransactionTables,
    refuse_transaction_control,
};
use annals_core::table::{KeyValues, Row, RowQuery, TableSpec, Value};
use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Statement, params_from_iter};

use crate::job::Group;
use crate::statements::FIND_TABLE;
use crate::value::{Bind, read_untyped};
use crate::{append, checkpoints, indexes, log, table_sql, tables};

pub(crate) struct SqliteTransaction<'t, 'c> {
    group: &'t mut Group<'c>,
}

impl<'t, 'c> SqliteTransaction<'t, 'c> {
    pub(crate) fn new(group: &'t mut Group<'c>) -> Self {
        Self { group }
    }

    /// `table` or `view`, if there is anything of this name.
    fn kind_of(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.group
            .connection
            .query_row(FIND_TABLE, [name], |row| row.get(0))
            .optional()
            .map_err(self.group.failed())
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.group.connection.execute_batch(sql).map_err(self.group.failed())
    }
}

#[async_trait]
impl TransactionCheckpoints for SqliteTransaction<'_, '_> {
    async fn checkpoint(&mut self, name: &str) -> Result<Option<Position>, StoreError> {
        checkpoints::checkpoint(self.group.connection, name, self.group.place)
    }

    async fn set_checkpoint(&mut self, name: &str, position: Position) -> Result<(), StoreError> {
        checkpoints::set_checkpoint(self.group.connection, name, position, self.group.place)
    }

    async fn remove_checkpoint(&mut self, name: &str) -> Result<(), StoreError> {
        checkpoints::remove_checkpoint(self.group.connection, name, self.group.place)
    }

    async fn fence_checkpoint(&mut self, name: &str) -> Result<Fence, StoreError> {
        checkpoints::fence_checkpoint(self.group.connection, name, self.group.place)
    }

    async fn advance_checkpoint(&mut self, step: &Advance) -> Result<(), StoreError> {
        checkpoints::advance_checkpoint(self.group.connection, step, self.group.place)
    }
}

#[async_trait]
impl TransactionState for SqliteTransaction<'_, '_> {
    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        checkpoints::state(self.group.connection, key, self.group.place)
    }

    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError> {
        checkpoints::put_state(self.group.connection, key, text, self.group.place)
    }

    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        Ok(self.group.now)
    }
}

#[async_trait]
impl TransactionTables for SqliteTransaction<'_, '_> {
    async fn create_table(&mut self, table: &TableSpec) -> Result<(), StoreError> {
        table.check()?;
        self.run(&table_sql::create_table(table))?;
        indexes::reconcile(self.group.connection, table, self.group.place)
    }

    async fn drop_table(&mut self, table: &str) -> Result<(), StoreError> {
        plain(table).check()?;
        self.run(&format!("DROP TABLE IF EXISTS \"{table}\""))
    }

    async fn point_view(&mut self, view: &str, table: &TableSpec) -> Result<(), StoreError> {
        table.named(view).check()?;
        if self.kind_of(&table.name)?.is_none() {
            return Err(StoreError::NoSuchTable { table: table.name.clone() });
        }
        match self.kind_of(view)?.as_deref() {
            None => {}
            Some("view") => self.run(&format!("DROP VIEW \"{view}\""))?,
            Some(other) => {
                return Err(StoreError::Invalid {
                    why: format!(
                        "a {other} named `{view}` is in the database already: give the read \
                         model another table name"
                    ),
                });
            }
        }
        self.run(&table_sql::create_view(view, table))
    }

    async fn drop_view(&mut self, view: &str) -> Result<(), StoreError> {
        plain(view).check()?;
        self.run(&format!("DROP VIEW IF EXISTS \"{view}\""))
    }

    async fn load_rows(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        tables::load_rows(self.group.connection, table, keys, self.group.place)
    }

    async fn query_rows(
        &mut self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        tables::query_rows(self.group.connection, table, query, self.group.place)
    }

    async fn upsert_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        table.check()?;
        let failed = |error| tables::explain(error, table, self.group.place);
        let sql = table_sql::upsert(table);
        let mut statement = self.group.connection.prepare_cached(&sql).map_err(failed)?;
        for row in rows {
            statement.execute(params_from_iter(row.iter().map(Bind))).map_err(failed)?;
        }
        Ok(())
    }

    async fn raise_rows(
        &mut self,
        table: &TableSpec,
        rows: &[Row],
        column: &str,
    ) -> Result<u64, StoreError> {
        table.check()?;
        let failed = |error| tables::explain(error, table, self.group.place);
        let sql = table_sql::raise(table, table.raised_column(column)?);
        let mut statement = self.group.connection.prepare_cached(&sql).map_err(failed)?;
        let mut written = 0;
        for row in rows {
            written += statement.execute(params_from_iter(row.iter().map(Bind))).map_err(failed)?;
        }
        Ok(written as u64)
    }

    /// Here nothing is on its way.
    async fn enqueue_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        self.upsert_rows(table, rows).await
    }

    async fn delete_rows(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<(), StoreError> {
        table.check()?;
        let failed = |error| tables::explain(error, table, self.group.place);
        let sql = table_sql::delete(table);
        let mut statement = self.group.connection.prepare_cached(&sql).map_err(failed)?;
        for key in keys {
            statement.execute(params_from_iter(key.iter().map(Bind))).map_err(failed)?;
        }
        Ok(())
    }
}

#[async_trait]
impl TransactionLog for SqliteTransaction<'_, '_> {
    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError> {
        log::read_log(self.group.connection, query, self.group.head, self.group.place)
    }

    async fn append(&mut self, append: &Append) -> Result<Appended, StoreError> {
        append::append_in(self.group, append).await
    }
}

#[async_trait]
impl TransactionSql for SqliteTransaction<'_, '_> {
    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError> {
        refuse_transaction_control(sql)?;
        let failed = self.group.failed();
        let mut statement = self.group.connection.prepare_cached(sql).map_err(&failed)?;
        bind(&mut statement, parameters)?;
        Ok(statement.raw_execute().map_err(&failed)? as u64)
    }

    /// Here nothing is on its way.
    async fn enqueue(&mut self, sql: &str, parameters: &[Value]) -> Result<(), StoreError> {
        self.execute(sql, parameters).await.map(|_| ())
    }

    async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        refuse_transaction_control(sql)?;
        let failed = self.group.failed();
        let mut statement = self.group.connection.prepare_cached(sql).map_err(&failed)?;
        bind(&mut statement, parameters)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let values = (0..columns).map(|place| row.get_ref(place).map(read_untyped));
            found.push(values.collect::<Result<_, _>>().map_err(&failed)?);
        }
        Ok(found)
    }
}

/// Binds `$1`, `$2`, … by their numbers: to SQLite they are names, counted by first appearance.
fn bind(statement: &mut Statement<'_>, parameters: &[Value]) -> Result<(), StoreError> {
    let invalid = |why: String| StoreError::Invalid { why };
    for place in 1..=statement.parameter_count() {
        let name = statement.parameter_name(place).unwrap_or("?").to_owned();
        let number = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
        let value = number.and_then(|number| parameters.get(number.checked_sub(1)?));
        let value = value.ok_or_else(|| {
            invalid(format!(
                "the statement's parameter `{name}` has no value: write `$1` to `${}`",
                parameters.len()
            ))
        })?;
        statement
            .raw_bind_parameter(place, Bind(value))
            .map_err(|error| invalid(error.to_string()))?;
    }
    Ok(())
}

/// A table of which only the name matters.
fn plain(name: &str) -> TableSpec {
    use annals_core::table::{ColumnSpec, ColumnType};
    let column = ColumnSpec::new("name", ColumnType::Text, false);
    TableSpec::new(name, vec![column], vec![0], Vec::new())
}
