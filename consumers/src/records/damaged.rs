//! Rows that somebody has damaged: they are named, and stop nobody who has nothing to do with them.

use annals_core::store::{StoreError, TableStore, Transaction};
use annals_core::table::{KeyValues, Row, RowQuery, Value};

use super::Record;

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Damaged {
    pub(crate) table: &'static str,
    /// As far as it can be read.
    pub(crate) key: KeyValues,
    pub(crate) why: String,
}

impl Damaged {
    fn of<R: Record>(key: KeyValues, error: StoreError) -> Self {
        let why = match error {
            StoreError::Corrupt { detail, .. } => detail,
            other => other.to_string(),
        };
        Self { table: &R::table().name, key, why }
    }

    /// The row, as in `annals_members (id = 7f…)`.
    pub(crate) fn row(&self) -> String {
        let key: Vec<String> = self.key.iter().map(ToString::to_string).collect();
        format!("`{}` ({})", self.table, key.join(", "))
    }

    /// Says it to whoever reads what the program logs.
    pub(crate) fn say(&self) {
        tracing::error!(row = self.row(), why = self.why, "a row is damaged, and left out");
    }

    /// Whose it is, where the first column of the key says so.
    pub(crate) fn consumer(&self) -> Option<&str> {
        self.text(0)
    }

    /// A text of the key.
    pub(crate) fn text(&self, place: usize) -> Option<&str> {
        match self.key.get(place) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A number of the key, if there is one that can be right.
    pub(crate) fn number(&self, place: usize) -> Option<u64> {
        match self.key.get(place) {
            Some(Value::Integer(number)) => u64::try_from(*number).ok(),
            _ => None,
        }
    }
}

impl From<Damaged> for StoreError {
    fn from(damaged: Damaged) -> Self {
        Self::Corrupt { place: format!("the row {}", damaged.row()), detail: damaged.why }
    }
}

/// The record in a row.
pub(crate) fn read<R: Record>(row: Row) -> Result<R, Damaged> {
    let key = R::table().key_of(&row);
    R::of(row).map_err(|error| Damaged::of::<R>(key, error))
}

/// The records that a query asks for, and beside them the rows that are damaged, which is said.
pub(crate) async fn survey<R: Record>(
    store: &(impl TableStore + ?Sized),
    query: &RowQuery,
) -> Result<(Vec<R>, Vec<Damaged>), StoreError> {
    Ok(sorted(store.query_rows(R::table(), query).await?))
}

/// The same in a transaction.
pub(crate) async fn survey_in<R: Record>(
    transaction: &mut dyn Transaction,
    query: &RowQuery,
) -> Result<(Vec<R>, Vec<Damaged>), StoreError> {
    Ok(sorted(transaction.query_rows(R::table(), query).await?))
}

fn sorted<R: Record>(rows: Vec<Row>) -> (Vec<R>, Vec<Damaged>) {
    let (mut records, mut damaged) = (Vec::new(), Vec::new());
    for row in rows {
        match read(row) {
            Ok(record) => records.push(record),
            Err(row) => {
                row.say();
                damaged.push(row);
            }
        }
    }
    (records, damaged)
}
