//! A batch that fails is taken apart: what stands before the event that fails is written, and the
//! error says which event that is.

use annals_core::Position;
use annals_core::store::{LogPage, LogQuery};

use super::cursor::Cursor;
use crate::error::{FailedEvent, ProjectionError};

impl Cursor {
    /// Takes in the events up to `end`, which have failed together, in ever smaller portions: as far
    /// as they go, and at last one by one. `Ok` means that they were taken in after all.
    pub(crate) async fn recover(
        &mut self,
        error: ProjectionError,
        end: Position,
    ) -> Result<(), ProjectionError> {
        if !error.blames_an_event() {
            return Err(error);
        }
        let mut portion = self.shared.options.page_events.div_ceil(2).max(1);
        while self.committed < end && !self.stop.is_set() {
            self.forget().await;
            let query = LogQuery::after(self.committed)
                .up_to(end)
                .filter(self.shared.definition.filter())
                .limit(portion);
            let page = self.shared.log().read_log(&query).await?;
            let (events, first) = (page.events.len(), page.events.first().map(FailedEvent::of));
            match (self.take_portion(page).await, first) {
                (Ok(()), _) => {}
                (Err(error), Some(first)) if events == 1 && error.blames_an_event() => {
                    self.forget().await;
                    return Err(error.at(first, self.tables()));
                }
                (Err(error), Some(_)) if error.blames_an_event() => portion = events.div_ceil(2),
                (Err(error), _) => return Err(error),
            }
        }
        if self.committed < end { Err(error) } else { Ok(()) }
    }

    async fn take_portion(&mut self, page: LogPage) -> Result<(), ProjectionError> {
        self.fold(page).await?;
        self.commit().await?;
        Ok(())
    }

    /// The tables by the names under which they are read.
    fn tables(&self) -> String {
        let tables = self.shared.definition.tables.iter();
        let tables: Vec<_> = tables.map(|table| format!("`{}`", table.name)).collect();
        tables.join(", ")
    }
}
