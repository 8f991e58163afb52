//! A transaction that notes what is written in it.

use annals_consumers::{
    ConsumerRecord, MemberRecord, ParkedItem, ParkedKey, PartitionRecord, Record, RequestRecord,
};
use annals_core::Position;
use annals_core::store::{
    Advance, Append, Appended, Fence, LogPage, LogQuery, StoreError, Transaction,
    TransactionCheckpoints, TransactionLog, TransactionSql, TransactionState, TransactionTables,
};
use annals_core::table::{KeyValues, Row, RowQuery, TableSpec, Value};
use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::handlers::effects_table;

/// Something that was written.
#[derive(Debug)]
pub(crate) enum Written {
    Fence(String, Fence),
    Set(String, Position),
    Advance(Advance),
    /// The effect of an event, of a consumer whose effects are in the store.
    Effect(String, Position),
    Partition(PartitionRecord),
    Member(MemberRecord),
    MemberGone(Uuid),
    Consumer(ConsumerRecord),
    Request(RequestRecord),
    Key(ParkedKey),
    KeyGone(String, String),
    Item(ParkedItem),
    ItemGone(String, String, Position),
}

pub(crate) struct Recorder<'t> {
    transaction: &'t mut dyn Transaction,
    pub(crate) written: Vec<Written>,
}

impl<'t> Recorder<'t> {
    pub(crate) fn new(transaction: &'t mut dyn Transaction) -> Self {
        Self { transaction, written: Vec::new() }
    }

    fn note_row(&mut self, table: &TableSpec, row: Row) -> Result<(), StoreError> {
        let written = match table.name.as_str() {
            "annals_partitions" => Written::Partition(Record::of(row)?),
            "annals_members" => Written::Member(Record::of(row)?),
            "annals_consumers" => Written::Consumer(Record::of(row)?),
            "annals_requests" => Written::Request(Record::of(row)?),
            "annals_parked_keys" => Written::Key(Record::of(row)?),
            "annals_parked_items" => Written::Item(Record::of(row)?),
            name if name == effects_table().name => Written::Effect(text(&row[0]), place(&row[1])),
            other => panic!("nobody writes to {other}"),
        };
        self.written.push(written);
        Ok(())
    }

    fn note_gone(&mut self, table: &TableSpec, key: &KeyValues) {
        let written = match (table.name.as_str(), key.as_slice()) {
            ("annals_members", [Value::Uuid(id)]) => Written::MemberGone(*id),
            ("annals_parked_keys", [consumer, _, key]) => {
                Written::KeyGone(text(consumer), text(key))
            }
            ("annals_parked_items", [consumer, _, key, position]) => {
                Written::ItemGone(text(consumer), text(key), place(position))
            }
            other => panic!("nobody removes {other:?}"),
        };
        self.written.push(written);
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?} is no text"),
    }
}

fn place(value: &Value) -> Position {
    match value {
        Value::Integer(position) => Position::new(position.cast_unsigned()),
        other => panic!("{other:?} is no position"),
    }
}

#[async_trait]
impl TransactionCheckpoints for Recorder<'_> {
    async fn checkpoint(&mut self, name: &str) -> Result<Option<Position>, StoreError> {
        self.transaction.checkpoint(name).await
    }

    async fn set_checkpoint(&mut self, name: &str, position: Position) -> Result<(), StoreError> {
        self.transaction.set_checkpoint(name, position).await?;
        self.written.push(Written::Set(name.to_owned(), position));
        Ok(())
    }

    async fn remove_checkpoint(&mut self, name: &str) -> Result<(), StoreError> {
        self.transaction.remove_checkpoint(name).await
    }

    async fn fence_checkpoint(&mut self, name: &str) -> Result<Fence, StoreError> {
        let fence = self.transaction.fence_checkpoint(name).await?;
        self.written.push(Written::Fence(name.to_owned(), fence));
        Ok(fence)
    }

    async fn advance_checkpoint(&mut self, step: &Advance) -> Result<(), StoreError> {
        self.transaction.advance_checkpoint(step).await?;
        self.written.push(Written::Advance(step.clone()));
        Ok(())
    }
}

#[async_trait]
impl TransactionState for Recorder<'_> {
    async fn state(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        self.transaction.state(key).await
    }

    async fn put_state(&mut self, key: &str, text: &str) -> Result<(), StoreError> {
        self.transaction.put_state(key, text).await
    }

    async fn now(&mut self) -> Result<Timestamp, StoreError> {
        self.transaction.now().await
    }
}

#[async_trait]
impl TransactionTables for Recorder<'_> {
    async fn create_table(&mut self, table: &TableSpec) -> Result<(), StoreError> {
        self.transaction.create_table(table).await
    }

    async fn drop_table(&mut self, table: &str) -> Result<(), StoreError> {
        self.transaction.drop_table(table).await
    }

    async fn point_view(&mut self, view: &str, table: &TableSpec) -> Result<(), StoreError> {
        self.transaction.point_view(view, table).await
    }

    async fn drop_view(&mut self, view: &str) -> Result<(), StoreError> {
        self.transaction.drop_view(view).await
    }

    async fn load_rows(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        self.transaction.load_rows(table, keys).await
    }

    async fn query_rows(
        &mut self,
        table: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        self.transaction.query_rows(table, query).await
    }

    async fn upsert_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        self.transaction.upsert_rows(table, rows).await?;
        rows.iter().try_for_each(|row| self.note_row(table, row.clone()))
    }

    async fn raise_rows(
        &mut self,
        table: &TableSpec,
        rows: &[Row],
        column: &str,
    ) -> Result<u64, StoreError> {
        self.transaction.raise_rows(table, rows, column).await
    }

    async fn enqueue_rows(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), StoreError> {
        self.upsert_rows(table, rows).await
    }

    async fn delete_rows(
        &mut self,
        table: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<(), StoreError> {
        self.transaction.delete_rows(table, keys).await?;
        keys.iter().for_each(|key| self.note_gone(table, key));
        Ok(())
    }
}

#[async_trait]
impl TransactionLog for Recorder<'_> {
    async fn read_log(&mut self, query: &LogQuery) -> Result<LogPage, StoreError> {
        self.transaction.read_log(query).await
    }

    async fn append(&mut self, append: &Append) -> Result<Appended, StoreError> {
        self.transaction.append(append).await
    }
}

#[async_trait]
impl TransactionSql for Recorder<'_> {
    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError> {
        self.transaction.execute(sql, parameters).await
    }

    async fn enqueue(&mut self, sql: &str, parameters: &[Value]) -> Result<(), StoreError> {
        self.transaction.enqueue(sql, parameters).await
    }

    async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.transaction.query(sql, parameters).await
    }
}
