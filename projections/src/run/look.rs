//! How far the active tables are, as the store says: this process may be told by nobody.

use annals_core::Position;

use super::shared::Shared;
use crate::error::ProjectionError;
use crate::generations::{Generation, Generations};

impl Shared {
    /// The active generation and its checkpoint, whoever fills it. `None` when there is none.
    pub(crate) async fn look(&self) -> Result<Option<(Generation, Position)>, ProjectionError> {
        let projection = &*self.definition.name;
        // The checkpoint of a generation goes with it: as long as it is there, it is active.
        if let Some(known) = self.active()
            && let Some(at) = self.work().checkpoint(&known.checkpoint(projection)).await?
        {
            self.publish(at);
            return Ok(Some((known, at)));
        }
        let text = self.work().state(&Generations::key(projection)).await?;
        let Some(active) = Generations::parse(text.as_deref(), projection)?.active else {
            return Ok(None);
        };
        self.set_active(active.clone());
        let Some(at) = self.work().checkpoint(&active.checkpoint(projection)).await? else {
            return Ok(None);
        };
        self.publish(at);
        Ok(Some((active, at)))
    }
}
