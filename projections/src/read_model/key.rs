//! Keys, and how one follows from the stream an event stands in.

use std::fmt::Debug;
use std::hash::Hash;

use annals_core::{InvalidAggregateId, StreamId};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::ColumnValue;

/// The key of a row: a value, or a tuple of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    note = "keys hold String, i64, i32, i16, u32, u16, u8, bool, Decimal, Timestamp, Date or Uuid, or \
            a column type of your own with `impl RowKey for {Self}`"
)]
pub trait RowKey: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// The key of the row that belongs to the aggregate of a stream.
    ///
    /// # Errors
    /// [`InvalidAggregateId`] when the stream's id is not written as such a key, and always for a
    /// key of several columns.
    fn of_stream(stream: &StreamId) -> Result<Self, InvalidAggregateId>;

    /// Becomes what the key's columns keep of it.
    fn settle(&mut self);
}

fn invalid<K>(stream: &StreamId, reason: String) -> InvalidAggregateId {
    InvalidAggregateId { stream: stream.to_string(), id_type: std::any::type_name::<K>(), reason }
}

macro_rules! one_column {
    ($($key:ty),*) => {$(
        impl RowKey for $key {
            fn of_stream(stream: &StreamId) -> Result<Self, InvalidAggregateId> {
                stream.id().parse().map_err(|error| invalid::<Self>(stream, format!("{error}")))
            }

            fn settle(&mut self) {
                ColumnValue::settle(self);
            }
        }
    )*};
}

macro_rules! several_columns {
    ($(($($part:ident),*))*) => {$(
        impl<$($part: RowKey),*> RowKey for ($($part,)*) {
            fn of_stream(stream: &StreamId) -> Result<Self, InvalidAggregateId> {
                let reason = "a key of several columns does not follow from the stream: \
                              write the projection's `keys`";
                Err(invalid::<Self>(stream, reason.to_owned()))
            }

            #[allow(non_snake_case)]
            fn settle(&mut self) {
                let ($($part,)*) = self;
                $($part.settle();)*
            }
        }
    )*};
}

one_column!(String, i64, i32, i16, u32, u16, u8, bool, Decimal, Timestamp, Date, Uuid);
several_columns!((A, B)(A, B, C)(A, B, C, D)(A, B, C, D, E)(A, B, C, D, E, F));
