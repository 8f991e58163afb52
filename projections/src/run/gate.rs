//! What stands between a reader and a read model: is it there, and is it far enough?

use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;

use super::definition::Mode;
use super::shared::Shared;
use crate::error::{ReadError, WaitError};

#[derive(Clone)]
pub(crate) struct Gate(pub(crate) Arc<Shared>);

impl Gate {
    pub(crate) async fn ready(&self, after: Position, timeout: Duration) -> Result<(), ReadError> {
        if !self.0.shape_fits() {
            let percent = self.0.rebuild_progress().map_or(0, |progress| progress.percent());
            return Err(ReadError::Rebuilding { projection: self.0.definition.name, percent });
        }
        Ok(self.wait_for(after, timeout).await?)
    }

    /// Waits until the projection has taken in everything up to a position. Cancel safe.
    pub(crate) async fn wait_for(
        &self,
        wanted: Position,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        if self.0.definition.mode == Mode::Inline {
            // What is committed is in it.
            return Ok(());
        }
        let mut positions = self.0.positions();
        let reached = positions.wait_for(|position| *position >= wanted);
        match tokio::time::timeout(timeout, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(WaitError {
                projection: self.0.definition.name,
                position: self.0.position(),
                wanted,
                waited: timeout,
                last_error: self.0.state().1,
            }),
        }
    }
}
