//! What a column can hold: the same in every store.
//!
//! | type | holds | kept exactly | order |
//! |---|---|---|---|
//! | Text | UTF-8 of any length, without U+0000 | yes | by bytes |
//! | Integer | 64 bits with a sign | yes | by size |
//! | Float | 64 bits, with the infinities, without NaN | yes, but zero has no sign | by size |
//! | Decimal | up to 28 digits | yes, with its scale: 1.10 stays 1.10, and equals 1.1 | by size |
//! | Boolean | | yes | false first |
//! | Timestamp | from the year 0 to 30 December 9999 | cut to the microsecond | by time |
//! | Date | from the year 0 to the year 9999 | yes | by day |
//! | Uuid | | yes | by bytes |
//! | Json | JSON text of any length | letter by letter | by bytes |
//!
//! The texts of a key have at most [`MAX_KEY_TEXT_BYTES`](super::MAX_KEY_TEXT_BYTES) together. What does
//! not fit is refused when it is written or compared, with the table and the column.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::time::cut_time;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// A signed integer of 64 bits.
    Integer,
    /// A floating-point number of 64 bits.
    Float,
    /// An exact decimal number of up to 28 digits.
    Decimal,
    /// True or false.
    Boolean,
    /// A point in time.
    Timestamp,
    /// A calendar day.
    Date,
    /// A UUID.
    Uuid,
    /// JSON text.
    Json,
}

/// One value in a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// UTF-8 text.
    Text(String),
    /// A signed integer.
    Integer(i64),
    /// A floating-point number.
    Float(f64),
    /// An exact decimal number.
    Decimal(Decimal),
    /// True or false.
    Boolean(bool),
    /// A point in time.
    Timestamp(Timestamp),
    /// A calendar day.
    Date(Date),
    /// A UUID.
    Uuid(Uuid),
    /// JSON text.
    Json(String),
    /// What could not be turned into a value, and why. Writing it is refused with these words.
    Unfit(String),
}

impl Value {
    /// The type of this value; `None` for null.
    pub fn column_type(&self) -> Option<ColumnType> {
        Some(match self {
            Self::Null | Self::Unfit(_) => return None,
            Self::Text(_) => ColumnType::Text,
            Self::Integer(_) => ColumnType::Integer,
            Self::Float(_) => ColumnType::Float,
            Self::Decimal(_) => ColumnType::Decimal,
            Self::Boolean(_) => ColumnType::Boolean,
            Self::Timestamp(_) => ColumnType::Timestamp,
            Self::Date(_) => ColumnType::Date,
            Self::Uuid(_) => ColumnType::Uuid,
            Self::Json(_) => ColumnType::Json,
        })
    }

    /// How much memory it takes, roughly.
    pub fn bytes(&self) -> usize {
        let text = match self {
            Self::Text(text) | Self::Json(text) | Self::Unfit(text) => text.len(),
            _ => 0,
        };
        size_of::<Self>() + text
    }

    /// The order every store sorts by: null first, text by its bytes, numbers by their size.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) | (Self::Json(a), Self::Json(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            // Zero has no sign; NaN is in no column.
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Decimal(a), Self::Decimal(b)) => a.cmp(b),
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Timestamp(a), Self::Timestamp(b)) => cut_time(*a).cmp(&cut_time(*b)),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        self.column_type().map_or(0, |column_type| column_type as u8 + 1)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Unfit(why) => write!(f, "no value: {why}"),
            Self::Text(value) | Self::Json(value) => f.write_str(value),
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Decimal(value) => value.fmt(f),
            Self::Boolean(value) => value.fmt(f),
            Self::Timestamp(value) => value.fmt(f),
            Self::Date(value) => value.fmt(f),
            Self::Uuid(value) => value.fmt(f),
        }
    }
}
