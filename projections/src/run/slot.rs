//! At most one rebuild of a projection goes on in a process. Whoever holds the slot frees it when it
//! ends, in whatever way it ends, and everybody who waits for that hears of it.

use std::sync::{Arc, PoisonError};

use annals_consumers::Stop;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::progress::Progress;
use super::rebuild_handle::RebuildError;
use super::shared::Shared;

/// A rebuild that goes on, for others.
pub(crate) struct Running {
    progress: watch::Receiver<Progress>,
    /// `None` on the runner's own task.
    task: Option<AbortHandle>,
}

/// The right to rebuild. When it is dropped, the rebuild has ended.
pub(crate) struct RebuildSlot {
    shared: Arc<Shared>,
    /// Gone with the slot, which is how its end is seen.
    pub(crate) progress: watch::Sender<Progress>,
}

impl Drop for RebuildSlot {
    fn drop(&mut self) {
        *self.shared.rebuild.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Shared {
    pub(crate) fn take_slot(
        self: &Arc<Self>,
    ) -> Result<(RebuildSlot, watch::Receiver<Progress>), RebuildError> {
        let mut rebuild = self.rebuild.lock().unwrap_or_else(PoisonError::into_inner);
        if rebuild.is_some() {
            return Err(RebuildError::AlreadyRunning { projection: self.definition.name.clone() });
        }
        let (progress, watching) = watch::channel(Progress::default());
        *rebuild = Some(Running { progress: watching.clone(), task: None });
        Ok((RebuildSlot { shared: self.clone(), progress }, watching))
    }

    /// Names the task of the rebuild that holds the slot.
    pub(crate) fn rebuild_is(&self, task: AbortHandle) {
        let mut rebuild = self.rebuild.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &mut *rebuild {
            running.task = Some(task);
        }
    }

    /// Waits until no rebuild goes on any more, or until it is time to stop.
    pub(crate) async fn rebuild_ended(&self, stop: Option<&Stop>) {
        let watching = self.watch_rebuild();
        let Some(mut watching) = watching else { return };
        let ended = async { while watching.changed().await.is_ok() {} };
        match stop {
            Some(stop) => tokio::select! {
                () = ended => {}
                () = stop.wait() => {}
            },
            None => ended.await,
        }
    }

    /// Breaks off a rebuild that has a task of its own.
    pub(crate) fn abort_rebuild(&self) {
        let rebuild = self.rebuild.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = rebuild.as_ref().and_then(|running| running.task.as_ref()) {
            task.abort();
        }
    }

    /// How far a rebuild has got, if one is going on.
    pub(crate) fn rebuild_progress(&self) -> Option<Progress> {
        self.watch_rebuild().map(|progress| progress.borrow().clone())
    }

    fn watch_rebuild(&self) -> Option<watch::Receiver<Progress>> {
        let rebuild = self.rebuild.lock().unwrap_or_else(PoisonError::into_inner);
        rebuild.as_ref().map(|running| running.progress.clone())
    }
}
