//! What stands in a column of the engine's tables, and in the field of a record.

use annals_core::table::{ColumnType, Value};
use annals_core::{CloudEvent, Position, RecordedEvent};
use jiff::Timestamp;
use uuid::Uuid;

pub(crate) trait Field: Sized {
    const TYPE: ColumnType;
    const NULLABLE: bool = false;

    fn value(&self) -> Value;

    /// `None` for what cannot stand here.
    fn of(value: Value) -> Option<Self>;
}

macro_rules! field {
    ($type:ty, $column:ident, |$field:ident| $value:expr, |$stored:ident| $read:expr) => {
        impl Field for $type {
            const TYPE: ColumnType = ColumnType::$column;

            fn value(&self) -> Value {
                let $field = self;
                Value::$column($value)
            }

            fn of(value: Value) -> Option<Self> {
                let Value::$column($stored) = value else { return None };
                $read
            }
        }
    };
}

field!(String, Text, |text| text.clone(), |text| Some(text));
field!(bool, Boolean, |flag| *flag, |flag| Some(flag));
field!(Timestamp, Timestamp, |time| *time, |time| Some(time));
field!(Uuid, Uuid, |id| *id, |id| Some(id));
// No count of the engine comes near the largest number that a column holds.
field!(u64, Integer, |n| i64::try_from(*n).unwrap_or(i64::MAX), |n| u64::try_from(n).ok());
field!(u32, Integer, |n| i64::from(*n), |n| u32::try_from(n).ok());
field!(u16, Integer, |n| i64::from(*n), |n| u16::try_from(n).ok());
field!(Position, Integer, |at| at.get().cast_signed(), |at| u64::try_from(at)
    .ok()
    .map(Position::new));
field!(Json, Json, |json| json.0.clone(), |text| Some(Json(text)));

/// JSON text in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(pub String);

impl Json {
    /// An event with its whole envelope.
    pub(crate) fn of_event(event: &RecordedEvent) -> Self {
        // Texts, numbers and a payload that is JSON are always JSON.
        Self(serde_json::to_string(&CloudEvent::from(event)).unwrap_or_default())
    }

    /// The event that was written with [`of_event`](Self::of_event).
    pub(crate) fn event(&self) -> Result<RecordedEvent, String> {
        let event: CloudEvent = serde_json::from_str(&self.0).map_err(|error| error.to_string())?;
        event.to_recorded().map_err(|error| error.to_string())
    }
}

impl<F: Field> Field for Option<F> {
    const TYPE: ColumnType = F::TYPE;
    const NULLABLE: bool = true;

    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, F::value)
    }

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => F::of(value).map(Some),
        }
    }
}
