//! A rebuild as its caller sees it: progress, cancelling, its end.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use annals_core::ErrorKind;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::progress::Progress;
use crate::error::ProjectionError;

/// A rebuild that did not come to its end. The old version goes on serving.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// It was cancelled; the next rebuild goes on from here.
    #[error(
        "the rebuild of `{projection}` was cancelled at {events} events: start it again to go on"
    )]
    Cancelled {
        /// The projection.
        projection: Arc<str>,
        /// How far it had got.
        events: u64,
    },
    /// Another one is going on in this process.
    #[error("`{projection}` is being rebuilt already")]
    AlreadyRunning {
        /// The projection.
        projection: Arc<str>,
    },
    /// No projection of this name is started.
    #[error("`{projection}` is not started in this process: add it with `project` before `start`")]
    NotProjected {
        /// The projection.
        projection: Arc<str>,
    },
    /// It cannot be done, or not in this way.
    #[error("`{projection}`: {why}")]
    Refused {
        /// The projection.
        projection: Arc<str>,
        /// Why, and what can be done instead.
        why: String,
    },
    /// It failed.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

impl RebuildError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Cancelled { .. } => ErrorKind::Transient,
            Self::AlreadyRunning { .. } => ErrorKind::Conflict,
            Self::NotProjected { .. } | Self::Refused { .. } => ErrorKind::Invalid,
            Self::Projection(error) => error.kind(),
        }
    }
}

/// A rebuild that is going on in the background; await it for its end. Dropping it leaves the
/// rebuild running.
#[derive(Debug)]
pub struct RebuildHandle {
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) cancel: watch::Sender<bool>,
    pub(super) task: JoinHandle<Result<Progress, RebuildError>>,
    pub(super) projection: Arc<str>,
}

impl RebuildHandle {
    /// A rebuild that could not begin.
    pub(crate) fn failed(projection: Arc<str>, error: RebuildError) -> Self {
        let (_, progress) = watch::channel(Progress::default());
        let (cancel, _) = watch::channel(false);
        let task = tokio::spawn(async move { Err(error) });
        Self { progress, cancel, task, projection }
    }

    /// How far it has got.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits until it has got further; returns `None` once it has ended. For progress bars.
    pub async fn next_progress(&mut self) -> Option<Progress> {
        self.progress.changed().await.ok()?;
        Some(self.progress.borrow_and_update().clone())
    }

    /// Stops it after the page at hand. What is built stays, and the next rebuild goes on from it.
    pub fn cancel(&self) {
        self.cancel.send_replace(true);
    }
}

impl IntoFuture for RebuildHandle {
    type Output = Result<Progress, RebuildError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.task.await {
                Ok(result) => result,
                // It catches panics itself: a stop did not wait for it, or the runtime is gone.
                Err(_) => Err(RebuildError::Cancelled {
                    projection: self.projection,
                    events: self.progress.borrow().events,
                }),
            }
        })
    }
}
