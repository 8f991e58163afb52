//! Work that is under way: in tasks of its own, or polled by whoever waits for it.

use std::pin::Pin;

use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::task::{JoinError, JoinSet};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Work that is under way. Dropping this breaks it off.
pub(super) enum UnderWay<T> {
    /// On any thread, whatever the waiter does meanwhile.
    Apart(JoinSet<T>),
    /// With the waiter, and only while it waits: what ends together is seen together, and nobody is woken
    /// for each.
    Here(FuturesUnordered<Boxed<T>>),
}

impl<T: Send + 'static> UnderWay<T> {
    pub(super) fn new(apart: bool) -> Self {
        match apart {
            true => Self::Apart(JoinSet::new()),
            false => Self::Here(FuturesUnordered::new()),
        }
    }

    pub(super) fn begin(&mut self, work: impl Future<Output = T> + Send + 'static) {
        match self {
            Self::Apart(tasks) => {
                tasks.spawn(work);
            }
            Self::Here(works) => works.push(Box::pin(work)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Apart(tasks) => tasks.is_empty(),
            Self::Here(works) => works.is_empty(),
        }
    }

    /// Waits for the next end; nothing when nothing is under way.
    pub(super) async fn next(&mut self) -> Option<Result<T, JoinError>> {
        match self {
            Self::Apart(tasks) => tasks.join_next().await,
            Self::Here(works) => works.next().await.map(Ok),
        }
    }

    /// What has come to its end already.
    pub(super) fn ended(&mut self) -> Option<Result<T, JoinError>> {
        match self {
            Self::Apart(tasks) => tasks.try_join_next(),
            // Whoever is woken by nobody here waits for the next one in any case.
            Self::Here(works) => works.next().now_or_never().flatten().map(Ok),
        }
    }
}
