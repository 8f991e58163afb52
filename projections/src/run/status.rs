//! What an operator sees of a projection.

use std::sync::Arc;
use std::time::Duration;

use annals_consumers::ops;
use annals_core::Position;
use annals_core::store::StoreError;

use super::definition::Mode;
use super::progress::Progress;
use super::shared::Shared;
use crate::error::ProjectionError;

/// What a projection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Working through history.
    CatchingUp,
    /// Up to date, waiting for what comes.
    Live,
    /// Being rebuilt because its version was raised; the old version serves meanwhile.
    Rebuilding,
    /// Failed; it is tried again by itself.
    Failed,
    /// Left alone, because a newer program keeps it.
    Superseded,
    /// Stopped.
    Stopped,
}

/// How a projection is doing.
#[derive(Debug, Clone)]
pub struct Status {
    /// Its name.
    pub name: Arc<str>,
    /// Its version in this program.
    pub version: u32,
    /// When it takes events in.
    pub mode: Mode,
    /// What it is doing.
    pub state: RunState,
    /// How far it has got.
    pub position: Position,
    /// The end of the log.
    pub head: Position,
    /// How many events of the log it has not looked at.
    pub lag_events: u64,
    /// How long the oldest of them has been waiting.
    pub lag: Duration,
    /// How many keys are parked, because an event of theirs failed.
    pub parked_keys: u64,
    /// Why it failed, until it succeeds again.
    pub last_error: Option<String>,
    /// How far a rebuild has got, if one is going on.
    pub rebuild: Option<Progress>,
}

impl Shared {
    pub(crate) async fn status(&self) -> Result<Status, StoreError> {
        let (mut state, mut last_error) = self.state();
        let known = ops::consumer(&**self.work(), &self.definition.name).await?;
        match self.record().await {
            Ok(record) => {
                if let Some(active) = record.active {
                    let at = known.as_ref().and_then(|known| known.position_of(active.number));
                    self.is_at(active, at);
                }
            }
            Err(ProjectionError::Store(error)) => return Err(error),
            Err(error) => last_error = last_error.or(Some(error.to_string())),
        }
        let parked_keys = known.as_ref().map_or(0, |known| known.parked_keys);
        if let Some(known) = known.filter(|_| self.works_elsewhere()) {
            let trouble = known.partitions.iter().find_map(|part| part.reason.clone());
            let serving =
                known.partitions.iter().filter(|part| part.generation == known.generation);
            let live = serving.clone().all(|part| part.state == "live");
            let older = serving.clone().any(|part| part.version < self.definition.version);
            (state, last_error) = match (trouble, live) {
                (Some(trouble), _) => (RunState::Failed, Some(trouble)),
                (None, _) if older => (RunState::Rebuilding, None),
                (None, true) => (RunState::Live, None),
                (None, false) => (RunState::CatchingUp, last_error),
            };
        }
        let head = match self.definition.inflow {
            Some(_) => self.position(),
            None => self.log().head().await?,
        };
        let position = self.position().min(head);
        let lag_events = head.since(position);
        let lag = match lag_events {
            0 => Duration::ZERO,
            _ => {
                let now = self.work().now().await?;
                let lag = ops::lag(&**self.log(), position, now).await?;
                Duration::try_from_secs_f64(lag.seconds).unwrap_or(Duration::MAX)
            }
        };
        Ok(Status {
            name: self.definition.name.clone(),
            version: self.definition.version,
            mode: self.definition.mode,
            state,
            position,
            head,
            lag_events,
            lag,
            parked_keys,
            last_error,
            rebuild: self.rebuild_progress(),
        })
    }
}
