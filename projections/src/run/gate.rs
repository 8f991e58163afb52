//! What stands between a reader and a read model: is it there, has it the reader's columns, and is it
//! far enough?

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals_core::Position;
use annals_core::table::TableSpec;

use super::definition::Mode;
use super::shapes::Shapes;
use super::shared::Shared;
use super::status::RunState;
use crate::error::{ReadError, WaitError};

/// How long a reader relies on what this process hears before it asks the store.
const LOOK_AFTER: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) shapes: Arc<Shapes>,
    /// `None` for a table that no projection of this process keeps.
    pub(crate) waiting: Option<Waiting>,
}

impl Gate {
    /// Waits for the position, then makes sure of the columns.
    pub(crate) async fn ready(
        &self,
        table: &TableSpec,
        after: Position,
        timeout: Duration,
    ) -> Result<(), ReadError> {
        self.fits(table, false).await?;
        match &self.waiting {
            Some(waiting) if after > Position::START => {
                waiting.until(after, timeout).await?;
                // Time has passed.
                self.fits(table, false).await
            }
            None if after > Position::START => {
                Err(ReadError::NotProjected { table: table.name.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Why a query failed: because the rows are of another version, if they are.
    pub(crate) async fn explain(&self, table: &TableSpec, error: ReadError) -> ReadError {
        self.fits(table, true).await.err().unwrap_or(error)
    }

    async fn fits(&self, table: &TableSpec, anew: bool) -> Result<(), ReadError> {
        let Some(active) = self.shapes.other(table, anew).await? else { return Ok(()) };
        if let Some(Waiting { shared, .. }) = &self.waiting
            && active < shared.definition.version
        {
            let percent = shared.rebuild_progress().map_or(0, |progress| progress.percent());
            let projection = shared.definition.name.clone();
            return Err(ReadError::Rebuilding { projection, percent });
        }
        Err(ReadError::Superseded { table: table.name.clone(), active })
    }
}

/// Waits for positions of one projection.
#[derive(Clone)]
pub(crate) struct Waiting {
    pub(crate) shared: Arc<Shared>,
}

impl Waiting {
    /// Waits until the projection has taken in everything up to a position. Cancel safe.
    pub(crate) async fn until(&self, wanted: Position, timeout: Duration) -> Result<(), WaitError> {
        let shared = &self.shared;
        let begun = Instant::now();
        let (mut positions, mut states) = (shared.positions(), shared.states());
        // What is inline tells nobody how far it is: only the store knows.
        let mut look_at = match shared.definition.mode {
            Mode::Inline => begun,
            Mode::Async => begun + LOOK_AFTER,
        };
        let mut reason = None;
        loop {
            let left = timeout.saturating_sub(begun.elapsed());
            if look_at <= Instant::now() && shared.position() < wanted {
                look_at = Instant::now() + LOOK_AFTER;
                let looked = tokio::time::timeout(left, self.shared.look()).await;
                reason = looked.ok().and_then(Result::err).map(|error| error.to_string());
            }
            if shared.position() >= wanted {
                return Ok(());
            }
            let (state, last_error) = shared.state();
            if state == RunState::Stopped || left.is_zero() {
                let stopped = || Some("it was stopped".to_owned());
                let stopped = || (state == RunState::Stopped).then(stopped).flatten();
                return Err(WaitError {
                    projection: shared.definition.name.clone(),
                    position: shared.position(),
                    wanted,
                    waited: begun.elapsed(),
                    last_error: last_error.or(reason).or_else(stopped),
                });
            }
            tokio::select! {
                _ = positions.wait_for(|position| *position >= wanted) => {}
                _ = states.changed() => {}
                () = tokio::time::sleep_until(look_at.min(begun + timeout).into()) => {}
            }
        }
    }
}
