//! What generated code calls. Not for people; it changes without notice.

pub use annals_core::table::{ColumnSpec, ColumnType, IndexSpec, TableSpec, Value};

pub use crate::read_model::{
    Column, ColumnValue, KeyValue, ReadModel, RowError, RowReader, json_to_value,
};
