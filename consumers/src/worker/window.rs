//! What is known of events with effects outside that have been begun, and not come to their end.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use annals_core::{Position, RecordedEvent};
use jiff::Timestamp;

use crate::deliver::AtOnce;

#[derive(Default)]
pub(super) struct Window {
    /// By position: those that are not done, with when they were recorded.
    open: BTreeMap<Position, Timestamp>,
    /// The last that was let in.
    last: Position,
    /// What waits for those before it of its key. A key that is here is under way.
    queues: HashMap<Arc<str>, VecDeque<RecordedEvent>>,
    bytes: usize,
    /// After a failure, when everything behind the checkpoint is read again: what was not done, up to
    /// a position. The rest need not be done again.
    again: Option<(BTreeSet<Position>, Position)>,
}

impl Window {
    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The first that is not done.
    pub(super) fn first(&self) -> Option<Position> {
        self.open.first_key_value().map(|(position, _)| *position)
    }

    /// When the first was recorded that is not done.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.open.first_key_value().map(|(_, recorded_at)| *recorded_at)
    }

    pub(super) fn has_room(&self, events: usize, bytes: usize) -> bool {
        self.open.len() < events && self.bytes < bytes
    }

    /// Whether an event is to be done: not if it was before everything was begun again.
    pub(super) fn wants(&self, position: Position) -> bool {
        let Some((left, up_to)) = &self.again else { return true };
        position > *up_to || left.contains(&position)
    }

    /// Lets an event in. Says whether its key is not under way yet.
    pub(super) fn let_in(&mut self, key: &Arc<str>, event: RecordedEvent) -> bool {
        self.open.insert(event.position, event.recorded_at);
        self.last = self.last.max(event.position);
        self.bytes += event.bytes();
        match self.queues.get_mut(key) {
            Some(queue) => {
                queue.push_back(event);
                false
            }
            None => {
                self.queues.insert(key.clone(), VecDeque::from([event]));
                true
            }
        }
    }

    /// What comes next of a key that is under way; nothing if nothing is left, and then it is no more.
    pub(super) fn next(&mut self, key: &str, at_once: AtOnce) -> Vec<RecordedEvent> {
        let mut events = Vec::new();
        let Some(queue) = self.queues.get_mut(key) else { return events };
        let mut bytes = 0;
        while events.len() < at_once.events.max(1) && (events.is_empty() || bytes < at_once.bytes) {
            let Some(event) = queue.pop_front() else { break };
            bytes += event.bytes();
            events.push(event);
        }
        if events.is_empty() {
            self.queues.remove(key);
        }
        events
    }

    /// Gives back what was not begun after all, to be the next of its key.
    pub(super) fn give_back(&mut self, key: &str, events: Vec<RecordedEvent>) {
        let Some(queue) = self.queues.get_mut(key) else { return };
        for event in events.into_iter().rev() {
            queue.push_front(event);
        }
    }

    /// An event is done, or waits elsewhere.
    pub(super) fn settle(&mut self, event: &RecordedEvent) {
        if self.open.remove(&event.position).is_some() {
            self.bytes = self.bytes.saturating_sub(event.bytes());
        }
    }

    /// Nothing else is begun.
    pub(super) fn close(&mut self) {
        self.queues.values_mut().for_each(VecDeque::clear);
    }

    /// Everything behind the checkpoint will come once more.
    pub(super) fn begin_again(&mut self) {
        let up_to = self.again.as_ref().map_or(self.last, |(_, up_to)| self.last.max(*up_to));
        let open = std::mem::take(&mut self.open);
        let mut left: BTreeSet<Position> = open.into_keys().collect();
        // What has not been let in since the last time is still to be done.
        if let Some((before, _)) = self.again.take() {
            left.extend(before.into_iter().filter(|position| *position > self.last));
        }
        *self = Self { again: Some((left, up_to)), ..Self::default() };
    }
}
