//! The runner of an asynchronous projection: catch up, then live, for as long as the process runs.

use std::sync::Arc;
use std::time::Duration;

use annals_core::Subscription;

use super::caught::caught;
use super::cursor::Cursor;
use super::pause::Pauses;
use super::rebuild::Built;
use super::setup::Setup;
use super::shared::Shared;
use super::status::RunState;
use super::stop::Stop;
use crate::error::ProjectionError;

/// How long events that touch no row may pass by before the checkpoint is moved past them.
const IDLE_CHECKPOINT: Duration = Duration::from_millis(500);

/// How many such events may pass by.
const IDLE_EVENTS: u64 = 1_000;

/// How often somebody else may have moved on, without this runner seeing the position move, before
/// that counts as a failure.
const MOST_ROUNDS: u32 = 10;

/// Why a runner left off without an error.
enum Left {
    /// It was time to stop.
    Stopped,
    /// Other tables are active: look again.
    Switched,
}

/// Runs until told to stop; a failure is retried after a growing pause.
pub(crate) async fn supervise(shared: Arc<Shared>, stop: Stop) {
    let options = &shared.options;
    let mut pauses = Pauses::new(options.retry_after, options.retry_at_most);
    let mut yields = Pauses::to_yield();
    let mut rounds = 0;
    while !stop.is_set() {
        let before = shared.position();
        let error = match caught(&shared.definition.name, drive(&shared, &stop)).await {
            Ok(Left::Stopped) => break,
            Ok(Left::Switched) => continue,
            Err(error) => error,
        };
        if shared.position() > before {
            pauses.reset();
            yields.reset();
            rounds = 0;
        }
        rounds += u32::from(error.is_contention());
        let pause = if error.is_contention() && rounds <= MOST_ROUNDS {
            yields.next()
        } else {
            shared.stands_still(&error);
            pauses.next()
        };
        if stop.within(pause).await {
            break;
        }
    }
    shared.go_on(RunState::Stopped);
}

async fn drive(shared: &Arc<Shared>, stop: &Stop) -> Result<Left, ProjectionError> {
    // From here on: a switch that comes after the look is seen.
    let mut switches = shared.switches();
    let generation = match shared.set_up().await? {
        Setup::Ready(generation) => generation,
        Setup::NeedsRebuild => {
            shared.go_on(RunState::Rebuilding);
            return Ok(match shared.rebuild_here(stop).await? {
                Built::Switched | Built::Elsewhere => Left::Switched,
                Built::Stopped => Left::Stopped,
            });
        }
    };
    let mut cursor = Cursor::open_shown(shared.clone(), generation, stop.clone()).await?;
    follow(shared, &mut cursor, stop, &mut switches).await
}

async fn follow(
    shared: &Arc<Shared>,
    cursor: &mut Cursor,
    stop: &Stop,
    switches: &mut tokio::sync::watch::Receiver<u64>,
) -> Result<Left, ProjectionError> {
    cursor.catch_up(|_, _| {}).await?;
    if stop.is_set() {
        return Ok(Left::Stopped);
    }
    shared.go_on(RunState::Live);

    let filter = shared.definition.filter();
    let mut subscription = Subscription::new(shared.log().clone(), filter, cursor.folded)
        .page_size(shared.options.page_events);
    loop {
        // Nothing waits to be written while there is nothing to write: then nothing has to be woken.
        let idle = async {
            match cursor.folded > cursor.committed {
                true => tokio::time::sleep(IDLE_CHECKPOINT).await,
                false => std::future::pending().await,
            }
        };
        let page = tokio::select! {
            page = subscription.next() => Some(page?),
            () = idle => None,
            _ = switches.changed() => return Ok(Left::Switched),
            () = stop.wait() => {
                cursor.commit().await?;
                return Ok(Left::Stopped);
            }
        };
        let Some(page) = page else {
            cursor.commit().await?;
            continue;
        };
        let next = page.next;
        if let Err(error) = cursor.take_live(page).await {
            cursor.recover(error, next).await?;
        }
        if !cursor.has_rows().await {
            // Events that touch no row have had their effect, whether or not that is written down.
            shared.publish(cursor.folded);
        }
    }
}

impl Cursor {
    /// Folds a page, and commits it unless more is there to be folded with it.
    async fn take_live(
        &mut self,
        page: annals_core::store::LogPage,
    ) -> Result<(), ProjectionError> {
        let more = page.next < page.head;
        self.fold(page).await?;
        let idle = self.folded.since(self.committed);
        if self.has_rows().await && (!more || self.is_full().await) || idle >= IDLE_EVENTS {
            self.commit().await?;
        }
        Ok(())
    }
}
