//! A table as a Rust struct.

mod column;
mod finite;
mod key;
mod pages;
mod query;
mod row;
mod value;

pub use column::{Column, Filter, Order};
pub use key::RowKey;
pub use pages::Pages;
pub use query::Query;
pub use row::{RowError, RowReader};
pub use value::{ColumnValue, KeyValue, json_to_value};

use annals_core::table::{Row, TableSpec, Value};

/// A row of a read model. Derived by `#[derive(ReadModel)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a read model",
    note = "add `#[derive(ReadModel)]`, `#[read_model(table = \"…\")]` and `#[key]` on a field"
)]
pub trait ReadModel: Sized + Clone + Send + Sync + 'static {
    /// What tells one row from another; a tuple when several columns do.
    type Key: RowKey;

    /// The name of the table.
    const TABLE: &'static str;

    /// The shape of the table.
    fn table() -> &'static TableSpec;

    /// The key of this row.
    fn key(&self) -> Self::Key;

    /// A key as values, in the order of the key columns.
    fn key_values(key: &Self::Key) -> Vec<Value>;

    /// This row as values, in the order of the columns.
    fn to_row(&self) -> Row;

    /// Brings every field to what its column keeps, as [`ColumnValue::settle`] does.
    fn settle(&mut self);

    /// A row from its values.
    ///
    /// # Errors
    /// [`RowError`] when a value does not fit its field.
    fn from_row(row: Row) -> Result<Self, RowError>;
}
