//! Taking in what programs without an inline projection have appended: outside of anybody's append,
//! in batches.

use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;

use super::caught::caught;
use super::cursor::Cursor;
use super::definition::Mode;
use super::pause::Pauses;
use super::shared::Shared;
use super::status::RunState;
use super::stop::Stop;
use crate::error::ProjectionError;

/// How many events a batch has at the most: appends of the same events wait for it.
const BATCH_EVENTS: u64 = 2_000;

/// How often the store is looked at while nothing is heard from it.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// How long the appends of this program are given to take their events in by themselves.
const BREATH: Duration = Duration::from_millis(100);

/// Looks after an inline projection until it is told to stop.
pub(crate) async fn tend(shared: Arc<Shared>, stop: Stop) {
    let mut wakeups = shared.log().wakeups();
    let mut pauses = Pauses::new(shared.options.retry_after, shared.options.retry_at_most);
    let mut failed = false;
    loop {
        tokio::select! {
            _ = wakeups.beyond(shared.position(), LOOK_AFTER) => {
                if stop.within(BREATH).await {
                    break;
                }
            }
            () = shared.behind.notified() => {}
            () = stop.wait() => break,
        }
        match caught(&shared.definition.name, shared.tend_to_head(&stop)).await {
            Ok(()) => {
                if std::mem::take(&mut failed) {
                    shared.go_on(RunState::Live);
                }
                pauses.reset();
            }
            Err(error) => {
                failed = true;
                shared.stands_still(&error);
                if stop.within(pauses.next()).await {
                    break;
                }
            }
        }
    }
    shared.go_on(RunState::Stopped);
}

impl Shared {
    async fn tend_to_head(self: &Arc<Self>, stop: &Stop) -> Result<(), ProjectionError> {
        let head = self.log().head().await?;
        self.take_in(head, stop).await
    }

    /// Takes in what an inline projection lacks up to `wanted`. Cancel safe.
    pub(crate) async fn take_in(
        self: &Arc<Self>,
        wanted: Position,
        stop: &Stop,
    ) -> Result<(), ProjectionError> {
        if self.definition.mode != Mode::Inline {
            return Ok(());
        }
        let mut pauses = Pauses::to_yield();
        let own = self.definition.version;
        while !stop.is_set() {
            let Some((generation, at)) = self.look().await? else {
                return Err(ProjectionError::Moved { projection: self.definition.name.clone() });
            };
            if generation.version > own {
                let (active, projection) = (generation.version, self.definition.name.clone());
                return Err(ProjectionError::Superseded { projection, active, own });
            }
            if at >= wanted || generation.version < own {
                return Ok(());
            }
            // One at a time in a process.
            let _mine = self.tending.lock().await;
            let result = async {
                let mut cursor = Cursor::open_shown(self.clone(), generation, stop.clone()).await?;
                cursor.batch_events = BATCH_EVENTS;
                cursor.catch_up(|_, _| {}).await
            };
            match result.await {
                Ok(_) => {}
                // An append, or another process, did the same.
                Err(error) if error.is_contention() => {
                    if stop.within(pauses.next()).await {
                        break;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
