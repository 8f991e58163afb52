//! Reading a row's values into fields.

use annals_core::table::{Row, Value};
use serde::de::DeserializeOwned;

use super::ColumnValue;

/// A row that does not fit its struct.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` of `{table}`: {why}")]
pub struct RowError {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: String,
    /// What does not fit.
    pub why: String,
}

/// Hands out a row's values in the order of the fields.
#[derive(Debug)]
pub struct RowReader {
    table: &'static str,
    values: std::vec::IntoIter<Value>,
}

impl RowReader {
    /// A reader of a row that must have `columns` values.
    ///
    /// # Errors
    /// [`RowError`] when it has another number of them.
    pub fn new(table: &'static str, row: Row, columns: usize) -> Result<Self, RowError> {
        if row.len() == columns {
            return Ok(Self { table, values: row.into_iter() });
        }
        let why = format!("the row has {} columns, the struct has {columns}", row.len());
        Err(RowError { table, column: "*".to_owned(), why })
    }

    /// The next value as a field.
    ///
    /// # Errors
    /// [`RowError`] when it is of another type.
    pub fn next<T: ColumnValue>(&mut self, column: &str) -> Result<T, RowError> {
        let value = self.values.next().unwrap_or(Value::Null);
        let found = value.column_type();
        T::from_value(value).ok_or_else(|| RowError {
            table: self.table,
            column: column.to_owned(),
            why: match found {
                Some(found) => format!("a value of type {found:?} does not fit the field"),
                None => "it is null, and the field is no Option".to_owned(),
            },
        })
    }

    /// The next value as a field that is kept as JSON.
    ///
    /// # Errors
    /// [`RowError`] when the JSON does not fit.
    pub fn next_json<T: DeserializeOwned>(&mut self, column: &str) -> Result<T, RowError> {
        let text: String = match self.values.next() {
            Some(Value::Json(text)) => text,
            _ => "null".to_owned(),
        };
        serde_json::from_str(&text).map_err(|error| RowError {
            table: self.table,
            column: column.to_owned(),
            why: error.to_string(),
        })
    }
}
