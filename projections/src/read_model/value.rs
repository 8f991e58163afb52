//! Which Rust types can stand in a column.

use annals_core::table::{ColumnType, Value};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

/// A type that can stand in a column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column",
    note = "columns hold String, i64, i32, u32, u16, f64, bool, Decimal, Timestamp, Date, Uuid, or \
            an Option of one of them; anything else is kept as JSON with `#[column(json)]`"
)]
pub trait ColumnValue: Sized {
    /// The type in the database.
    const TYPE: ColumnType;

    /// Whether it can be null.
    const NULLABLE: bool;

    /// Into the database.
    fn to_value(&self) -> Value;

    /// Out of the database; `None` when the value is of another type or out of range.
    fn from_value(value: Value) -> Option<Self>;
}

/// A type that can be part of a key: equal values are equal, and null is none of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    note = "keys hold String, i64, i32, u32, u16, bool, Decimal, Timestamp, Date or Uuid"
)]
pub trait KeyValue: ColumnValue {}

macro_rules! column_value {
    ($($rust:ty => $variant:ident;)*) => {$(
        impl ColumnValue for $rust {
            const TYPE: ColumnType = ColumnType::$variant;
            const NULLABLE: bool = false;

            fn to_value(&self) -> Value {
                Value::$variant(self.clone())
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(value) => Some(value),
                    _ => None,
                }
            }
        }
    )*};
}

macro_rules! small_integer {
    ($($rust:ty),*) => {$(
        impl ColumnValue for $rust {
            const TYPE: ColumnType = ColumnType::Integer;
            const NULLABLE: bool = false;

            fn to_value(&self) -> Value {
                Value::Integer(i64::from(*self))
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::Integer(value) => value.try_into().ok(),
                    _ => None,
                }
            }
        }

        impl KeyValue for $rust {}
    )*};
}

column_value! {
    String => Text;
    i64 => Integer;
    f64 => Float;
    bool => Boolean;
    Decimal => Decimal;
    Timestamp => Timestamp;
    Date => Date;
    Uuid => Uuid;
}

small_integer!(i32, u32, i16, u16, u8);

impl KeyValue for String {}
impl KeyValue for i64 {}
impl KeyValue for bool {}
impl KeyValue for Decimal {}
impl KeyValue for Timestamp {}
impl KeyValue for Date {}
impl KeyValue for Uuid {}

impl<T: ColumnValue> ColumnValue for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// Any value as JSON; null if it cannot be written. Called by generated code.
pub fn json_to_value<T: Serialize>(value: &T) -> Value {
    match serde_json::to_string(value) {
        Ok(text) => Value::Json(text),
        // Reading the row back says which column it was.
        Err(_) => Value::Null,
    }
}
