//! A projection folded on demand: always right, never stored, as slow as the events are many.

use std::collections::HashMap;
use std::sync::Arc;

use annals_core::store::{EventLog, LogFilter, LogQuery, StreamQuery};
use annals_core::{Position, StreamId};

use crate::error::ReadError;
use crate::fold::{Fold, Folding, Nowhere, Projection};
use crate::read_model::{ReadModel, RowKey as _};
use crate::run::event_types;

type KeyOf<P> = <<P as Projection>::Row as ReadModel>::Key;

/// A projection without a table.
pub struct Live<P> {
    log: Arc<dyn EventLog>,
    projection: Arc<P>,
}

impl<P: Projection> Live<P> {
    pub(crate) fn new(log: Arc<dyn EventLog>, projection: P) -> Self {
        Self { log, projection: Arc::new(projection) }
    }

    /// All rows, folded from the whole log. They are kept in memory.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn all(&self) -> Result<HashMap<KeyOf<P>, P::Row>, ReadError> {
        let filter = LogFilter { event_types: event_types::<P::Event>(), ..LogFilter::default() };
        let mut folding = self.folding();
        let mut position = Position::START;
        loop {
            let query = LogQuery::after(position).filter(filter.clone());
            let page = self.log.read_log(&query).await?;
            folding.take_in(page.events, &mut Nowhere).await?;
            if page.next >= page.head {
                return Ok(folding.into_rows().collect());
            }
            position = page.next;
        }
    }

    /// One row, folded from the whole log.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn get(&self, key: &KeyOf<P>) -> Result<Option<P::Row>, ReadError> {
        let mut key = key.clone();
        key.settle();
        Ok(self.all().await?.remove(&key))
    }

    /// The rows that follow from one stream alone: cheap, and right for projections whose rows
    /// take their events from one stream.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn of_stream(
        &self,
        stream: &StreamId,
    ) -> Result<HashMap<KeyOf<P>, P::Row>, ReadError> {
        let wanted = event_types::<P::Event>();
        let mut folding = self.folding();
        let mut query = StreamQuery::all(stream.clone());
        loop {
            let page = self.log.read_stream(&query).await?;
            let end = query.ends_with(&page);
            if let Some(last) = page.last() {
                query = query.after(last.version);
            }
            let own = page.into_iter().filter(|event| wanted.contains(&event.event_type));
            folding.take_in(own.collect(), &mut Nowhere).await?;
            if end {
                return Ok(folding.into_rows().collect());
            }
        }
    }

    fn folding(&self) -> Folding<P> {
        Folding::new(self.projection.clone(), P::Row::table().clone())
    }
}
