//! Values of read models, to SQLite and back.
//!
//! Times are text of fixed width in UTC, so that people can read them and their order is that of text.
//! Decimals are text with all their digits; a collation compares them by size.

use annals_core::cut_time;
use annals_core::store::StoreError;
use annals_core::table::{ColumnType, Row, TableSpec, Value};
use jiff::Timestamp;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::error::corrupt;

/// A value on its way into a statement.
pub(crate) struct Bind<'v>(pub(crate) &'v Value);

impl ToSql for Bind<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Text(text) | Value::Json(text) => {
                ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
            }
            Value::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Value::Float(number) => ToSqlOutput::Borrowed(ValueRef::Real(*number)),
            Value::Boolean(truth) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*truth))),
            Value::Decimal(decimal) => ToSqlOutput::from(decimal.to_string()),
            Value::Timestamp(time) => ToSqlOutput::from(time_text(*time)),
            Value::Date(date) => ToSqlOutput::from(date.to_string()),
            Value::Uuid(uuid) => ToSqlOutput::from(uuid.to_string()),
            Value::Unfit(why) => {
                return Err(rusqlite::Error::ToSqlConversionFailure(why.as_str().into()));
            }
        })
    }
}

/// `2010-12-01T08:26:00.000000Z`.
fn time_text(time: Timestamp) -> String {
    format!("{:.6}", cut_time(time))
}

/// Reads a row whose columns are those of the table, in order. In a table of the framework's own, a value
/// that cannot be read does not keep the others from being read.
pub(crate) fn read_row(row: &rusqlite::Row<'_>, table: &TableSpec) -> Result<Row, StoreError> {
    let columns = table.columns.iter().enumerate();
    columns
        .map(|(place, column)| {
            let value = row.get_ref(place).map_err(corrupt)?;
            let (name, wanted) = (column.name, column.column_type);
            read_value(value, wanted).or_else(|why| match table.own {
                true => Ok(Value::Unfit(why)),
                false => {
                    Err(table.has_other_columns(format!("`{name}` is no {wanted:?}: {why}")).into())
                }
            })
        })
        .collect()
}

fn read_value(value: ValueRef<'_>, column_type: ColumnType) -> Result<Value, String> {
    fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
        value: ValueRef<'_>,
    ) -> Result<T, String> {
        let text = value.as_str().map_err(|error| error.to_string())?;
        text.parse().map_err(|error: T::Err| error.to_string())
    }
    let whole = || value.as_i64().map_err(|error| error.to_string());
    let text = || value.as_str().map(str::to_owned).map_err(|error| error.to_string());
    if matches!(value, ValueRef::Null) {
        return Ok(Value::Null);
    }
    Ok(match column_type {
        ColumnType::Text => Value::Text(text()?),
        ColumnType::Json => Value::Json(text()?),
        ColumnType::Integer => Value::Integer(whole()?),
        ColumnType::Boolean => Value::Boolean(whole()? != 0),
        ColumnType::Float => Value::Float(value.as_f64().map_err(|error| error.to_string())?),
        ColumnType::Decimal => Value::Decimal(parse(value)?),
        ColumnType::Timestamp => Value::Timestamp(parse(value)?),
        ColumnType::Date => Value::Date(parse(value)?),
        ColumnType::Uuid => Value::Uuid(parse(value)?),
    })
}

/// Reads a value of a user's own query, whose type only SQLite knows.
pub(crate) fn read_untyped(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Value::Text(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}
