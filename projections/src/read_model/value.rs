//! Which Rust types can stand in a column.

use annals_core::cut_time;
use annals_core::table::{ColumnType, Value};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::finite::Finite;

/// A type that can stand in a column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column",
    note = "columns hold String, i64, i32, i16, u32, u16, u8, f64, bool, Decimal, Timestamp, Date, \
            Uuid, or an Option of one of them",
    note = "a type of your own is one of them with `impl ColumnValue for {Self}`, and a key with \
            `impl KeyValue` and `impl RowKey`; or it is kept as JSON with `#[column(json)]`; a u64 or \
            i128 fits a Decimal"
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

    /// Becomes what a column keeps of it, so that a row in memory equals the row that is stored: times
    /// are cut to the microsecond. Everything else is kept whole, and stays.
    fn settle(&mut self) {}
}

/// A type that can be part of a key: equal values are equal, and null is none of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    note = "keys hold String, i64, i32, i16, u32, u16, u8, bool, Decimal, Timestamp, Date or Uuid, or \
            a column type of your own with `impl KeyValue for {Self} {{}}`"
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
    Date => Date;
    Uuid => Uuid;
}

impl ColumnValue for Timestamp {
    const TYPE: ColumnType = ColumnType::Timestamp;
    const NULLABLE: bool = false;

    fn to_value(&self) -> Value {
        Value::Timestamp(cut_time(*self))
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Timestamp(value) => Some(value),
            _ => None,
        }
    }

    fn settle(&mut self) {
        *self = cut_time(*self);
    }
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

    fn settle(&mut self) {
        self.iter_mut().for_each(T::settle);
    }
}

/// Any value as JSON. What JSON cannot hold, such as NaN or a map whose keys are no strings, becomes
/// [`Value::Unfit`], which is refused when it is written. Called by generated code.
pub fn json_to_value<T: Serialize>(value: &T) -> Value {
    if let Err(error) = value.serialize(Finite) {
        return Value::Unfit(error.to_string());
    }
    serde_json::to_string(value).map_or_else(|error| Value::Unfit(error.to_string()), Value::Json)
}
