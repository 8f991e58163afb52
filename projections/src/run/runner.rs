//! The runner of an asynchronous projection: catch up, then live, for as long as the process runs.

use std::sync::Arc;
use std::time::Duration;

use annals_core::Subscription;
use tokio::sync::watch;

use super::cursor::Cursor;
use super::setup::Setup;
use super::shared::Shared;
use super::status::RunState;
use crate::error::ProjectionError;

/// How long events that touch no row may pass by before the checkpoint is moved past them.
const IDLE_CHECKPOINT: Duration = Duration::from_millis(500);

/// How many such events may pass by.
const IDLE_EVENTS: u64 = 1_000;

/// Runs until told to stop; a failure is retried after a growing pause.
pub(crate) async fn supervise(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut pause = shared.options.retry_after;
    loop {
        // A task of its own, so that a panic in the user's fold ends the attempt and no more.
        let before = shared.position();
        let attempt = tokio::spawn(drive(shared.clone(), stop.clone())).await;
        let error = match attempt {
            Ok(Ok(())) => break,
            // Somebody else moved on: look again, at once.
            Ok(Err(ProjectionError::Moved { .. })) => {
                tokio::task::yield_now().await;
                continue;
            }
            Ok(Err(error)) => error,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => ProjectionError::Panicked {
                    projection: shared.definition.name,
                    message: panic_message(&*panic),
                },
                // The runtime is shutting down.
                Err(_) => break,
            },
        };
        let state = match error {
            ProjectionError::Superseded { .. } => RunState::Superseded,
            _ => RunState::Failed,
        };
        tracing::error!(projection = shared.definition.name, %error, "the projection stands still");
        metrics::counter!("annals_projection_failures_total", "projection" => shared.definition.name)
            .increment(1);
        shared.set_state(state, Some(error.to_string()));
        if shared.position() > before {
            pause = shared.options.retry_after;
        }
        if tokio::time::timeout(pause, stopped(&mut stop)).await.is_ok() {
            break;
        }
        pause = (pause * 2).min(shared.options.retry_at_most);
    }
    shared.set_state(RunState::Stopped, shared.state().1);
}

/// Waits until the runner is told to stop, or nobody is left who could tell it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

async fn drive(
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ProjectionError> {
    let generation = match shared.set_up().await? {
        Setup::Ready(generation) => generation,
        Setup::NeedsRebuild => {
            shared.set_state(RunState::Rebuilding, None);
            return match shared.rebuild_here(stop.clone()).await? {
                true => Err(ProjectionError::Moved { projection: shared.definition.name }),
                false => Ok(()),
            };
        }
    };
    let mut cursor = Cursor::open(shared.clone(), generation).await?;
    shared.publish(cursor.committed);
    cursor
        .catch_up(|cursor, _| {
            shared.publish(cursor.committed);
            !*stop.borrow()
        })
        .await?;
    shared.set_state(RunState::Live, None);

    let filter = shared.definition.filter();
    let mut subscription = Subscription::new(shared.store().clone(), filter, cursor.folded)
        .page_size(shared.options.page_events);
    loop {
        let page = tokio::select! {
            page = subscription.next() => Some(page?),
            () = tokio::time::sleep(IDLE_CHECKPOINT) => None,
            () = shared.switched.notified() => {
                return Err(ProjectionError::Moved { projection: shared.definition.name });
            }
            () = stopped(&mut stop) => return cursor.commit().await,
        };
        let Some(page) = page else {
            cursor.commit().await?;
            continue;
        };
        let more = page.next < page.head;
        cursor.fold(page).await?;
        let idle = cursor.folded.since(cursor.committed);
        if cursor.has_rows().await && (!more || cursor.is_full().await) || idle >= IDLE_EVENTS {
            cursor.commit().await?;
        }
        if !cursor.has_rows().await {
            // Events that touch no row have had their effect, whether or not that is written down.
            shared.publish(cursor.folded);
        }
    }
}
