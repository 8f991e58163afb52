//! How far the active tables are, as the store says: this process may be told by nobody.

use annals_consumers::ops;
use annals_core::Position;

use super::shared::Shared;
use crate::error::ProjectionError;
use crate::generations::Generation;

impl Shared {
    /// The active generation and its checkpoint, whoever fills it. `None` when there is none.
    pub(crate) async fn look(&self) -> Result<Option<(Generation, Position)>, ProjectionError> {
        let name = &self.definition.name;
        let Some(active) = self.record().await?.active else { return Ok(None) };
        let at = ops::position(&**self.work(), name, active.number).await?;
        self.is_at(active.clone(), at);
        Ok(at.map(|at| (active, at)))
    }

    /// The active generation and its checkpoint were read in the store.
    pub(crate) fn is_at(&self, active: Generation, at: Option<Position>) {
        self.set_active(active);
        if let Some(at) = at {
            self.publish(at);
        }
    }
}
