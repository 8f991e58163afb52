//! Asking a table: filter, order, page.

use super::{InvalidTable, TableSpec, Value};
use crate::store::StoreError;

/// How many rows one query returns at the most, and unless told otherwise.
pub const MAX_ROWS: u32 = 10_000;

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal; null equals null.
    Equal,
    /// Not equal.
    NotEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
}

/// One condition on one column; a query's conditions must all hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The column's name.
    pub column: &'static str,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: Value,
}

/// Which way a column is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Small to large.
    Ascending,
    /// Large to small.
    Descending,
}

/// What to read of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct RowQuery {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// The first decides, the next break ties; the key breaks the last.
    pub order: Vec<(&'static str, Direction)>,
    /// How many rows at the most, up to [`MAX_ROWS`].
    pub limit: u32,
    /// How many rows to pass over first.
    pub offset: u64,
}

impl Default for RowQuery {
    fn default() -> Self {
        Self { conditions: Vec::new(), order: Vec::new(), limit: MAX_ROWS, offset: 0 }
    }
}

impl RowQuery {
    /// Checks the table, that it has the columns that the query names, and that they can be compared
    /// with the query's values.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with the first thing that is wrong.
    pub fn check(&self, table: &TableSpec) -> Result<(), StoreError> {
        table.check()?;
        let columns = self.conditions.iter().map(|condition| condition.column);
        let mut columns = columns.chain(self.order.iter().map(|(column, _)| *column));
        match columns.find(|column| table.column(column).is_none()) {
            None => {}
            Some(column) => Err(InvalidTable {
                table: table.name.clone(),
                why: format!("it has no column `{column}`"),
            })?,
        }
        for condition in &self.conditions {
            table.check_compared(condition.column, &condition.value)?;
        }
        Ok(())
    }
}

impl Condition {
    /// Whether `actual` meets the condition. Null is only ever equal to null.
    pub fn admits(&self, actual: &Value) -> bool {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let null = |value: &Value| matches!(value, Value::Null);
        match self.comparison {
            Equal => actual.order(&self.value).is_eq(),
            NotEqual => actual.order(&self.value).is_ne(),
            _ if null(actual) || null(&self.value) => false,
            Less => actual.order(&self.value).is_lt(),
            LessOrEqual => actual.order(&self.value).is_le(),
            Greater => actual.order(&self.value).is_gt(),
            GreaterOrEqual => actual.order(&self.value).is_ge(),
        }
    }
}
