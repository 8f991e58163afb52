//! The rows of one id made anew from its history, in the tables that serve.

use std::time::Duration;

use annals_consumers::ops::{self, Ask};
use annals_core::store::StoreError;

use super::rebuild_handle::RebuildError;
use super::shared::Shared;
use crate::error::ProjectionError;

/// How often the answer is looked for: it may come from another process.
const LOOK_AFTER: Duration = Duration::from_millis(25);

impl Shared {
    /// Asks whoever has the partition of the id, and waits for the answer.
    pub(crate) async fn rebuild_key(&self, id: &str, who: &str) -> Result<(), RebuildError> {
        let projection = self.definition.name.clone();
        let failed = |error: StoreError| RebuildError::Projection(ProjectionError::Store(error));
        let refused = |why| RebuildError::Refused { projection: projection.clone(), why };
        // It is refused by whoever carries it out as well; nobody has to be there for this.
        self.definition.keeps_rows_by_key().map_err(refused)?;
        let (work, ask) = (&**self.work(), Ask::RebuildKey(id.to_owned()));
        let request = ops::ask(work, &projection, &ask, (who, "")).await.map_err(failed)?;
        self.wake();
        loop {
            let now = ops::request(work, request).await.map_err(failed)?;
            match now {
                Some(now) if now.is_refused() => {
                    return Err(refused(now.answer.unwrap_or_default()));
                }
                Some(now) if now.is_over() => return Ok(()),
                Some(_) => {}
                None => return Err(refused(format!("the request {request} is gone"))),
            }
            if self.stop().within(LOOK_AFTER).await {
                let why = format!("this program stops, and the request {request} stays");
                return Err(refused(why));
            }
        }
    }
}
