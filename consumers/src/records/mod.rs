//! What the engine keeps about itself: a table a file, the same in every store, readable by people
//! and by the command line.

mod conditions;
mod consumers;
mod damaged;
mod field;
mod inbox;
mod members;
mod parked;
mod partitions;
mod requests;
mod timers;

pub use consumers::ConsumerRecord;
pub use field::Json;
pub use inbox::InboxRecord;
pub use members::MemberRecord;
pub use parked::{ParkedItem, ParkedKey};
pub(crate) use partitions::{DONE, HELD};
pub use partitions::{PartitionId, PartitionRecord};
pub use requests::RequestRecord;
pub use timers::TimerRecord;

pub(crate) use conditions::{of_consumer, of_generation, of_key, that_wait};
pub(crate) use damaged::{Damaged, read, survey, survey_in};
pub(crate) use field::Field;

use annals_core::store::{StoreError, TableStore, Transaction};
use annals_core::table::{KeyValues, Row, RowQuery, TableSpec};

/// A row of one of the engine's tables.
pub trait Record: Sized + Send + Sync + 'static {
    /// The shape of its table.
    fn table() -> &'static TableSpec;

    /// The record as a row.
    fn row(&self) -> Row;

    /// The record in a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the table and the column.
    fn of(row: Row) -> Result<Self, StoreError>;

    /// The key of its row.
    fn key(&self) -> KeyValues {
        Self::table().key_of(&self.row())
    }
}

/// The tables of the engine, for the migrations of stores and their tests.
pub fn tables() -> [&'static TableSpec; 8] {
    [
        ConsumerRecord::table(),
        MemberRecord::table(),
        PartitionRecord::table(),
        ParkedKey::table(),
        ParkedItem::table(),
        InboxRecord::table(),
        TimerRecord::table(),
        RequestRecord::table(),
    ]
}

/// Declares a record: the struct, its table and the way between both, from one list.
macro_rules! record {
    (
        $(#[$doc:meta])*
        pub struct $name:ident in $table:literal, key [$($key:literal),+] {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)+
        }

        impl $crate::records::Record for $name {
            fn table() -> &'static annals_core::table::TableSpec {
                use annals_core::table::{ColumnSpec, TableSpec};
                use $crate::records::Field;
                static TABLE: std::sync::LazyLock<TableSpec> = std::sync::LazyLock::new(|| {
                    let columns = vec![$(ColumnSpec::new(
                        stringify!($field),
                        <$type as Field>::TYPE,
                        <$type as Field>::NULLABLE,
                    )),+];
                    TableSpec::own($table, columns, vec![$($key),+])
                });
                &TABLE
            }

            fn row(&self) -> annals_core::table::Row {
                vec![$($crate::records::Field::value(&self.$field)),+]
            }

            fn of(
                row: annals_core::table::Row,
            ) -> Result<Self, annals_core::store::StoreError> {
                let mut values = row.into_iter();
                Ok(Self {
                    $($field: values
                        .next()
                        .and_then($crate::records::Field::of)
                        .ok_or_else(|| $crate::records::corrupt($table, stringify!($field)))?,)+
                })
            }
        }
    };
}

pub(crate) use record;

fn corrupt(table: &str, column: &str) -> StoreError {
    StoreError::Corrupt {
        place: format!("the table `{table}`"),
        detail: format!("column `{column}` holds what does not belong there"),
    }
}

/// The record with a key.
pub(crate) async fn load<R: Record>(
    transaction: &mut dyn Transaction,
    key: KeyValues,
) -> Result<Option<R>, StoreError> {
    let rows = transaction.load_rows(R::table(), &[key]).await?;
    Ok(rows.into_iter().next().map(read).transpose()?)
}

/// The record with a key; none where its row is damaged, which is said.
pub(crate) async fn load_readable<R: Record>(
    transaction: &mut dyn Transaction,
    key: KeyValues,
) -> Result<Option<R>, StoreError> {
    let rows = transaction.load_rows(R::table(), &[key]).await?;
    Ok(rows.into_iter().next().and_then(|row| read(row).inspect_err(Damaged::say).ok()))
}

/// Writes a record, in place of the one with its key.
pub(crate) async fn put<R: Record>(
    transaction: &mut dyn Transaction,
    record: &R,
) -> Result<(), StoreError> {
    transaction.upsert_rows(R::table(), &[record.row()]).await
}

/// Removes the records with these keys.
pub(crate) async fn remove<R: Record>(
    transaction: &mut dyn Transaction,
    keys: &[KeyValues],
) -> Result<(), StoreError> {
    transaction.delete_rows(R::table(), keys).await
}

/// The records that a query asks for, in a transaction.
pub(crate) async fn find<R: Record>(
    transaction: &mut dyn Transaction,
    query: &RowQuery,
) -> Result<Vec<R>, StoreError> {
    let rows = transaction.query_rows(R::table(), query).await?;
    Ok(rows.into_iter().map(read).collect::<Result<_, _>>()?)
}

/// The records that a query asks for. One that is damaged is left out and said: it must not stop those
/// that have nothing to do with it.
pub(crate) async fn list<R: Record>(
    store: &(impl TableStore + ?Sized),
    query: &RowQuery,
) -> Result<Vec<R>, StoreError> {
    Ok(survey(store, query).await?.0)
}
