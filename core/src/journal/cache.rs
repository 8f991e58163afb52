//! Folded states kept in memory, so that a hot aggregate costs one append and no read.
//!
//! A cached state may be stale; the append's expected version finds out. Commands on one
//! aggregate wait for each other here instead of conflicting in the store.

use std::any::{Any, TypeId};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::fold::Folded;
use crate::aggregate::Aggregate;
use crate::names::StreamId;

/// The place of one aggregate's state: locked while a command is decided and appended.
pub(super) type StateSlot<A> = Arc<tokio::sync::Mutex<Option<Folded<A>>>>;

type Slots = LruCache<(TypeId, StreamId), Arc<dyn Any + Send + Sync>>;

pub(super) struct StateCache {
    /// `None` when nothing is to be kept.
    slots: Option<Mutex<Slots>>,
}

impl StateCache {
    pub(super) fn new(capacity: usize) -> Self {
        let slots = NonZeroUsize::new(capacity).map(|capacity| {
            // Room grows with use: a large bound must not cost memory in advance.
            let mut slots = LruCache::unbounded();
            slots.resize(capacity);
            Mutex::new(slots)
        });
        Self { slots }
    }

    /// The slot of a stream; an empty one if it is not cached.
    pub(super) fn slot<A: Aggregate>(&self, stream: &StreamId) -> StateSlot<A> {
        let Some(slots) = &self.slots else { return StateSlot::default() };
        let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (TypeId::of::<A>(), stream.clone());
        let slot = slots.get_or_insert(key, || StateSlot::<A>::default());
        // The key holds the type's id, so the slot is of that type.
        slot.clone().downcast().expect("a slot has the type its key names")
    }
}
