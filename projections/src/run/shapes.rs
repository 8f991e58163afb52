//! Whether the rows behind a table's name have the columns that a reader asks for: another program
//! may have switched them at any time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annals_core::store::Workspace;
use annals_core::table::TableSpec;

use crate::error::ProjectionError;
use crate::generations::table_shape;
use crate::owner::TableRecord;

/// For how long what was found is taken for true. A query that fails looks at once.
const LOOK_AFTER: Duration = Duration::from_millis(2);

/// What stands behind the names of tables, as of a moment ago. Shared by all queries of a process.
pub(crate) struct Shapes {
    store: Arc<dyn Workspace>,
    known: Mutex<HashMap<String, Found>>,
}

struct Found {
    at: Instant,
    asked: TableSpec,
    other: Option<u32>,
}

impl Shapes {
    pub(crate) fn new(store: Arc<dyn Workspace>) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// The active version, if its columns are other ones than these. `anew` looks in any case.
    pub(crate) async fn other(
        &self,
        table: &TableSpec,
        anew: bool,
    ) -> Result<Option<u32>, ProjectionError> {
        if !anew && let Some(known) = self.known(table) {
            return Ok(known);
        }
        // As of before the look: what comes later is looked for later.
        let at = Instant::now();
        let text = self.store.state(&TableRecord::key(&table.name)).await?;
        let shown = TableRecord::parse(text.as_deref(), &table.name)?.shown;
        let other = shown.filter(|shown| shown.shape != table_shape(table));
        let other = other.map(|shown| shown.version);
        let found = Found { at, asked: table.clone(), other };
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(table.name.clone(), found);
        Ok(other)
    }

    fn known(&self, table: &TableSpec) -> Option<Option<u32>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&table.name)?;
        (found.at.elapsed() < LOOK_AFTER && found.asked == *table).then_some(found.other)
    }
}
