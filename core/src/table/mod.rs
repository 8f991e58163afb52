//! Tables of read models, as every store understands them: columns, rows, queries.
//!
//! Typed read models stand above this (in `annals-projections`), SQL below it (in the stores).

mod check;
mod names;
mod query;
mod spec;
mod value;

pub use check::{EARLIEST_DATE, InvalidValue, LATEST_DATE, MAX_KEY_TEXT_BYTES};
pub use query::{Comparison, Condition, Direction, MAX_ROWS, RowQuery};
pub use spec::{ColumnSpec, IndexSpec, InvalidTable, TableSpec};
pub use value::{ColumnType, Value};

/// The values of one row, in the order of the table's columns.
pub type Row = Vec<Value>;

/// The values of one key, in the order of the table's key columns.
pub type KeyValues = Vec<Value>;
