//! Looking what became of the read model: whether this program keeps it, must build it anew, or has to
//! leave it to a newer one.

use std::sync::Arc;
use std::time::Duration;

use annals_core::Backoff;

use super::setup::Setup;
use super::shared::Shared;
use crate::error::ProjectionError;

/// The pauses between looks that failed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

impl Shared {
    /// Looks until that is clear.
    pub(crate) async fn keep(self: &Arc<Self>) {
        let mut pauses = Backoff::new(PAUSES.0, PAUSES.1);
        while !self.stop().is_set() {
            let error = match self.prepare().await {
                Ok(()) => return,
                Err(error) => error,
            };
            self.stands_still(&error);
            if matches!(error, ProjectionError::Superseded { .. }) {
                return;
            }
            if self.stop().within(pauses.next_pause()).await {
                return;
            }
        }
    }

    /// Makes what the engine needs to go on.
    ///
    /// # Errors
    /// [`ProjectionError`] when this program cannot keep the read model.
    pub(crate) async fn prepare(self: &Arc<Self>) -> Result<(), ProjectionError> {
        match self.set_up().await? {
            Setup::Ready(_) => {}
            Setup::Held(_) => self.go_on(super::status::RunState::Rebuilding),
            Setup::NeedsRebuild(_) => {
                self.go_on(super::status::RunState::Rebuilding);
                self.begin_generation().await?;
            }
        }
        self.wake();
        Ok(())
    }
}
