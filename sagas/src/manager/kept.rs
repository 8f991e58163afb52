//! The instances that a partition keeps in memory.

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;

use annals_consumers::ConsumeError;
use annals_core::store::EventLog;
use annals_core::{Journal, StreamVersion};
use lru::LruCache;
use tokio::task::JoinSet;

use super::telling::Told;
use crate::correlation::{Begins, Correlation};
use crate::event::stream_of;
use crate::instance::Instance;
use crate::saga::Saga;
use crate::steps::{self, Unread};

/// How many instances are kept.
pub(super) const KEPT: usize = 10_000;

/// How many of them are read ahead of what they are to be told.
const AHEAD: usize = 1_000;

/// How many are read side by side.
const SIDE_BY_SIDE: usize = 16;

/// The instances that were told something last.
pub(super) struct Kept<S> {
    log: Arc<dyn EventLog>,
    cache: LruCache<String, Held<S>>,
    /// Whether a step and the checkpoint are written in one transaction.
    is_together: bool,
    /// Whether events that begin an instance are believed to be the first it is told: not after a failure,
    /// until something was written.
    trusts: bool,
}

/// An instance, as its stream says up to a version.
pub(super) struct Held<S> {
    pub(super) instance: Instance<S>,
    pub(super) version: StreamVersion,
}

impl<S: Saga> Held<S> {
    async fn read(log: &dyn EventLog, instance: &str) -> Result<Self, ConsumeError> {
        let stream = stream_of(S::NAME, instance).map_err(ConsumeError::poison)?;
        let mut instance = Instance::default();
        let fold = |step| instance.fold(&step).map_err(|error| error.to_string());
        let version = steps::read(log, &stream, fold).await;
        let version = version.map_err(|unread| match unread {
            Unread::Store(error) => error.into(),
            Unread::Corrupt { why, .. } => ConsumeError::poison(why),
        })?;
        Ok(Self { instance, version })
    }
}

impl<S: Saga> Kept<S> {
    pub(super) fn new(journal: &Journal) -> Self {
        let cache = LruCache::new(NonZeroUsize::new(KEPT).unwrap_or(NonZeroUsize::MIN));
        let is_together = journal.stores().are_together();
        Self { log: journal.log().clone(), cache, is_together, trusts: is_together }
    }

    /// Reads instances side by side that are about to be told something. Whoever cannot be read is read once
    /// more when its turn comes, and then whoever has asked for it is told.
    pub(super) async fn load_ahead(&mut self, queue: &VecDeque<Told>) {
        // In an order that is the same each time.
        let mut wanted = BTreeSet::new();
        for told in queue.iter().take(AHEAD) {
            let unknown = told.instances.iter().filter(|one| !self.is_new(one.begins));
            let names =
                unknown.map(Correlation::instance).filter(|name| !self.cache.contains(*name));
            wanted.extend(names.take(AHEAD - wanted.len().min(AHEAD)).map(str::to_owned));
        }
        // One alone is as quick in its turn.
        if wanted.len() < 2 {
            return;
        }
        let mut wanted = wanted.into_iter();
        let mut reading = JoinSet::new();
        loop {
            while reading.len() < SIDE_BY_SIDE
                && let Some(instance) = wanted.next()
            {
                let log = self.log.clone();
                reading.spawn(async move { (Held::read(&*log, &instance).await, instance) });
            }
            match reading.join_next().await {
                Some(Ok((Ok(held), instance))) => {
                    self.cache.put(instance, held);
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Whether an instance is taken for a new one without a look at its stream: if it is there, the append is
    /// refused, and then it is looked at.
    fn is_new(&self, begins: Begins) -> bool {
        begins == Begins::Always && self.trusts
    }

    /// An instance as its stream says, and as it has gone on since.
    pub(super) async fn load(
        &mut self,
        instance: &str,
        begins: Begins,
    ) -> Result<&mut Held<S>, ConsumeError> {
        if !self.cache.contains(instance) {
            let held = match self.is_new(begins) {
                true => Held { instance: Instance::default(), version: StreamVersion::NONE },
                false => Held::read(&*self.log, instance).await?,
            };
            self.cache.put(instance.to_owned(), held);
        }
        self.get_mut(instance).ok_or(ConsumeError::Interrupted)
    }

    pub(super) fn get_mut(&mut self, instance: &str) -> Option<&mut Held<S>> {
        self.cache.get_mut(instance)
    }

    pub(super) fn peek(&self, instance: &str) -> Option<&Held<S>> {
        self.cache.peek(instance)
    }

    /// Something has failed in the middle of it.
    pub(super) fn drop(&mut self, instance: &str) {
        self.cache.pop(instance);
    }

    /// Everything was written as it is kept.
    pub(super) fn is_written(&mut self) {
        self.trusts = self.is_together;
    }

    /// Nothing holds any more.
    pub(super) fn forget(&mut self) {
        self.cache.clear();
        self.trusts = false;
    }
}
