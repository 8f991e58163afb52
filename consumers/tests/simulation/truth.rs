//! What is true in a world, told by what was committed and what happened outside; and the promises, which
//! are looked at with every step.

use std::collections::{BTreeMap, BTreeSet};

use annals_consumers::{
    ConsumerRecord, KeyBy, OnFailure, ParkedItem, ParkedKey, PartitionRecord, RequestRecord,
};
use annals_core::store::{Advance, Fence};
use annals_core::{Position, StreamId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::cover::Happened;
use crate::handlers::Spec;
use crate::recorder::Written;

/// A promise that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Broken(pub(crate) String);

type Kept = Result<(), Broken>;

macro_rules! promise {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(Broken(format!($($words)+)));
        }
    };
}

/// An event, as one consumer knows it.
#[derive(Debug)]
struct Event {
    key: Option<String>,
    slice: u16,
    effects: u64,
    parked: bool,
    discarded: bool,
}

#[derive(Debug)]
struct Part {
    record: PartitionRecord,
    fence: Fence,
}

/// What is true of one consumer.
#[derive(Debug)]
pub(crate) struct Known {
    spec: Spec,
    /// By position, from 1.
    events: Vec<Event>,
    of_key: BTreeMap<String, Vec<usize>>,
    parked: BTreeMap<String, ParkedKey>,
    items: BTreeSet<(String, Position)>,
    cuts: u64,
    cuts_answered: u64,
    paused: bool,
    /// A pause was answered, and nobody has told it to go on.
    rests: bool,
}

#[derive(Debug)]
pub(crate) struct Truth {
    known: Vec<Known>,
    parts: BTreeMap<String, Part>,
    /// When each member counts as dead.
    members: BTreeMap<Uuid, Timestamp>,
    requests: BTreeMap<Uuid, (String, String)>,
    deliveries: BTreeSet<(String, u64, String)>,
}

/// Who has an effect outside.
pub(crate) struct Deliverer<'p> {
    pub(crate) partition: &'p PartitionRecord,
    /// Whether it has been frozen lately, or counts as dead too soon: nothing can keep it from what it
    /// was in the middle of.
    pub(crate) was_frozen: bool,
    /// After its lease it may go on for so long.
    pub(crate) grace_until: Timestamp,
    pub(crate) now: Timestamp,
}

impl Truth {
    pub(crate) fn new(specs: &[Spec]) -> Self {
        let known = specs.iter().map(|spec| Known {
            spec: spec.clone(),
            events: Vec::new(),
            of_key: BTreeMap::new(),
            parked: BTreeMap::new(),
            items: BTreeSet::new(),
            cuts: 0,
            cuts_answered: 0,
            paused: false,
            rests: false,
        });
        Self {
            known: known.collect(),
            parts: BTreeMap::new(),
            members: BTreeMap::new(),
            requests: BTreeMap::new(),
            deliveries: BTreeSet::new(),
        }
    }

    /// An event was appended.
    pub(crate) fn appended(&mut self, stream: &StreamId) {
        for known in &mut self.known {
            let wants = &known.spec.categories;
            let wanted = wants.is_empty() || wants.iter().any(|wanted| wanted == stream.category());
            let key = match known.spec.key {
                KeyBy::Stream => stream.as_str(),
                KeyBy::Id => stream.id(),
            };
            let key = wanted.then(|| key.to_owned());
            if let Some(key) = &key {
                known.of_key.entry(key.clone()).or_default().push(known.events.len());
            }
            let slice = stream.slice().get();
            known.events.push(Event { key, slice, effects: 0, parked: false, discarded: false });
        }
    }

    fn known(&mut self, consumer: &str) -> &mut Known {
        let known = self.known.iter_mut().find(|known| known.spec.name == consumer);
        known.expect("one of the world's consumers")
    }

    /// A transaction was committed.
    pub(crate) fn committed(
        &mut self,
        written: &[Written],
        mut happened: impl FnMut(Happened, String),
    ) -> Kept {
        for one in written {
            match one {
                Written::Fence(name, fence) => self.fenced(name, *fence, &mut happened)?,
                Written::Set(name, position) => {
                    let part = self.parts.get_mut(name).expect("its row comes first");
                    part.fence.position = *position;
                }
                Written::Advance(step) => self.advanced(step, &mut happened)?,
                Written::Effect(consumer, position) => {
                    self.known(consumer).effect_inside(*position)?;
                    happened(Happened::Effect, format!("{consumer}: effect of {position}"));
                }
                Written::Partition(record) => self.partition(record, &mut happened)?,
                Written::Member(record) => {
                    self.members.insert(record.id, record.expires_at);
                }
                Written::MemberGone(id) => {
                    self.members.remove(id);
                }
                Written::Consumer(record) => self.consumer(record, &mut happened),
                Written::Request(record) => self.request(record, &mut happened)?,
                Written::Key(record) => self.known(&record.consumer).park(record, &mut happened),
                Written::KeyGone(consumer, key) => {
                    self.known(consumer).heal(key)?;
                    happened(Happened::Healed, format!("{consumer}: {key} is healed"));
                }
                Written::Item(item) => self.known(&item.consumer).set_aside(item, &mut happened)?,
                Written::ItemGone(consumer, key, position) => {
                    self.known(consumer).take_out((key, *position), &mut happened)?;
                }
            }
        }
        for one in written {
            match one {
                Written::Effect(consumer, position) => {
                    let event = &self.known(consumer).events[index(*position)];
                    promise!(
                        !event.parked,
                        "{consumer}: {position} has its effect and stays parked"
                    );
                }
                Written::Item(item) => {
                    let known = self.known(&item.consumer);
                    promise!(
                        known.parked.contains_key(&item.key),
                        "{}: {} waits behind {}, which is not parked",
                        item.consumer,
                        item.position,
                        item.key
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn fenced(
        &mut self,
        name: &str,
        fence: Fence,
        happened: &mut impl FnMut(Happened, String),
    ) -> Kept {
        let part = self.parts.get_mut(name).expect("its row comes first");
        promise!(fence.token > part.fence.token, "the token of {name} does not grow: {fence:?}");
        promise!(fence.position == part.fence.position, "{name} stands elsewhere: {fence:?}");
        part.fence = fence;
        happened(Happened::Committed, format!("takes {name} with token {}", fence.token));
        // What an earlier cut left behind must be done.
        self.covered(name, Position::START, fence.position)
    }

    fn advanced(&mut self, step: &Advance, happened: &mut impl FnMut(Happened, String)) -> Kept {
        let Advance { name, token, from, to } = step;
        let part = self.parts.get_mut(name).expect("its row comes first");
        let stands = part.fence;
        promise!(
            stands == Fence { token: *token, position: *from },
            "{name} stands at {stands:?}, and {step:?} is committed"
        );
        promise!(to >= from, "{name} goes back: {step:?}");
        promise!(
            part.record.ends_at.is_none_or(|end| *to <= end),
            "{name} goes beyond its end: {step:?}"
        );
        part.fence.position = *to;
        let consumer = part.record.consumer.clone();
        happened(Happened::Committed, format!("{name}: {from} to {to} with token {token}"));
        let rests = self.known(&consumer).rests;
        promise!(!rests || from == to, "{name} moves although its pause was answered");
        self.covered(name, *from, *to)
    }

    /// Everything of a part between two positions had its effect, or is parked or discarded.
    fn covered(&self, name: &str, from: Position, to: Position) -> Kept {
        let Part { record, .. } = &self.parts[name];
        let known = self.known.iter().find(|known| known.spec.name == record.consumer);
        let known = known.expect("one of the world's consumers");
        let slices = record.slices();
        let events = known.events.iter().enumerate();
        for (n, event) in events.take(to.get() as usize).skip(from.get() as usize) {
            if event.key.is_none() || !slices.contains(&event.slice) {
                continue;
            }
            promise!(
                event.effects > 0 || event.parked || event.discarded,
                "{name} stands at {to}, and {} had no effect and is not parked",
                n + 1
            );
        }
        Ok(())
    }

    fn partition(
        &mut self,
        record: &PartitionRecord,
        happened: &mut impl FnMut(Happened, String),
    ) -> Kept {
        let name = record.id().checkpoint();
        let Some(part) = self.parts.get_mut(&name) else {
            let position = record.begins_at;
            let part = Part { record: record.clone(), fence: Fence { token: 0, position } };
            self.parts.insert(name, part);
            if record.epoch > 1 && record.part == 0 {
                self.known(&record.consumer).cuts += 1;
                let what = format!("{} is cut anew at {position}", record.consumer);
                happened(Happened::Cut, what);
            }
            return Ok(());
        };
        match (part.record.owner, record.owner) {
            (Some(before), Some(after)) if before != after => {
                happened(Happened::TakenOver, format!("takes {name} over"));
            }
            (Some(_), None) => {
                happened(Happened::GivenBack, format!("gives {name} back: {}", record.state));
            }
            _ => {}
        }
        if record.reason.as_ref().is_some_and(|reason| reason.contains("stands still")) {
            happened(Happened::StoodStill, format!("{name} stands still"));
        }
        let (done, stands) = (record.state == "done", part.fence.position);
        promise!(
            !done || record.ends_at.is_some_and(|end| end == stands),
            "{name} is done at {stands}, and ends at {:?}",
            record.ends_at
        );
        part.record = record.clone();
        Ok(())
    }

    fn consumer(&mut self, record: &ConsumerRecord, happened: &mut impl FnMut(Happened, String)) {
        let known = self.known(&record.name);
        known.paused = record.paused;
        if known.rests && !record.paused {
            known.rests = false;
            happened(Happened::Resumed, format!("{} goes on", record.name));
        }
    }

    fn request(
        &mut self,
        record: &RequestRecord,
        happened: &mut impl FnMut(Happened, String),
    ) -> Kept {
        let before = self.requests.get(&record.id).map(|(_, state)| state.as_str());
        let over = |state: &str| ["done", "refused"].contains(&state);
        promise!(!before.is_some_and(over), "a request is answered twice: {record:?}");
        let known = self.known.iter_mut().find(|known| known.spec.name == record.consumer);
        let known = known.expect("one of the world's consumers");
        if over(&record.state) {
            let RequestRecord { consumer, verb, state, answer, .. } = record;
            happened(Happened::Answered, format!("{consumer}: {verb} is {state}: {answer:?}"));
            match (verb.as_str(), state.as_str()) {
                ("repartition", "done") => {
                    known.cuts_answered += 1;
                    happened(Happened::CutDone, format!("{consumer} is cut"));
                    // The first cut ends the parts of epoch 1.
                    let running = self.parts.values().map(|part| &part.record).find(|part| {
                        let old = part.consumer == *consumer && part.epoch <= known.cuts_answered;
                        old && part.state != "done"
                    });
                    promise!(
                        running.is_none() && known.cuts_answered <= known.cuts,
                        "{consumer}: a re-partition is answered that is not done: {running:?}"
                    );
                }
                ("repartition", _) => happened(Happened::CutRefused, String::new()),
                ("pause", "done") if known.paused => {
                    known.rests = true;
                    happened(Happened::Paused, format!("{consumer} rests"));
                }
                _ => {}
            }
        }
        self.requests.insert(record.id, (record.verb.clone(), record.state.clone()));
        Ok(())
    }

    /// A delivery begins.
    pub(crate) fn delivery_begins(&mut self, id: (String, u64, String)) -> Kept {
        promise!(!self.deliveries.contains(&id), "two events of one key are under way: {id:?}");
        self.deliveries.insert(id);
        Ok(())
    }

    pub(crate) fn delivery_ends(&mut self, id: &(String, u64, String)) {
        self.deliveries.remove(id);
    }

    /// Something happened outside, and cannot be taken back.
    pub(crate) fn effect_outside(
        &mut self,
        deliverer: &Deliverer<'_>,
        position: Position,
        mut happened: impl FnMut(Happened, String),
    ) -> Kept {
        let partition = deliverer.partition;
        let name = partition.id().checkpoint();
        let token = self.parts[&name].fence.token;
        let is_stale = token != partition.token;
        let what = format!("{name}: effect of {position} outside, with token {}", partition.token);
        if is_stale {
            happened(Happened::EffectOfStale, what.clone());
            let expires = partition.owner.and_then(|owner| self.members.get(&owner));
            let late = expires.is_some_and(|at| *at < deliverer.grace_until);
            promise!(
                !late || deliverer.was_frozen,
                "{what}: its member counts as dead since {expires:?}, and now is {}",
                deliverer.now
            );
        }
        let known = self.known(&partition.consumer);
        let again = known.events[index(position)].effects > 0;
        happened(if again { Happened::EffectAgain } else { Happened::Effect }, what);
        promise!(
            is_stale || !known.rests,
            "{name}: an effect of {position} outside although its pause was answered"
        );
        if !again {
            promise!(
                is_stale || !known.events[index(position)].discarded,
                "{name}: {position} was discarded, and has its effect"
            );
            known.in_order(position)?;
        }
        known.events[index(position)].effects += 1;
        Ok(())
    }

    /// The keys that are parked until a person acts.
    pub(crate) fn parked_for_good(&self, consumer: usize) -> Vec<String> {
        let parked = self.known[consumer].parked.values();
        parked.filter(|key| key.next_attempt.is_none()).map(|key| key.key.clone()).collect()
    }

    pub(crate) fn parked(&self, consumer: usize) -> Vec<String> {
        self.known[consumer].parked.keys().cloned().collect()
    }

    /// What is left to be done when everything works again.
    pub(crate) fn unfinished(&self) -> Option<String> {
        for (id, (verb, state)) in &self.requests {
            if !["done", "refused"].contains(&state.as_str()) {
                return Some(format!("the request {id} to {verb} is {state}"));
            }
        }
        for known in &self.known {
            let name = known.spec.name;
            let head = Position::new(known.events.len() as u64);
            let parts = self.parts.values().filter(|part| part.record.consumer == name);
            for part in parts.filter(|part| part.record.state != "done") {
                let PartitionRecord { state, .. } = &part.record;
                if part.fence.position < head {
                    let id = part.record.id();
                    return Some(format!("{id} ({state}) is at {:?} of {head}", part.fence));
                }
            }
            if let Some(key) = known.parked.keys().next() {
                return Some(format!("{name}: {key} is parked"));
            }
            if known.cuts != known.cuts_answered {
                let (cuts, answered) = (known.cuts, known.cuts_answered);
                return Some(format!("{name} was cut {cuts} times, and {answered} were answered"));
            }
        }
        None
    }

    /// At the end, when everything was done.
    pub(crate) fn complete(&self) -> Kept {
        for known in &self.known {
            let name = known.spec.name;
            for (event, position) in known.events.iter().zip(1..) {
                let dealt_with = event.key.is_none() || event.effects > 0 || event.discarded;
                promise!(dealt_with, "{name}: {position} is lost");
                promise!(!event.parked, "{name}: {position} is left behind");
                let once = known.spec.external || event.effects <= 1;
                promise!(once, "{name}: {position} had its effect {} times", event.effects);
            }
            promise!(known.items.is_empty(), "{name}: {:?} are left", known.items);
        }
        Ok(())
    }

    /// How many partitions of each consumer each member has.
    pub(crate) fn shares(&self, living: &[Uuid]) -> Vec<Vec<usize>> {
        let share = |known: &Known, member| {
            let parts = self.parts.values().map(|part| &part.record);
            let parts = parts.filter(|record| record.consumer == known.spec.name);
            parts.filter(|record| record.owner == Some(member) && record.state != "done").count()
        };
        let shares = |known| living.iter().map(|member| share(known, *member)).collect();
        self.known.iter().map(shares).collect()
    }

    /// Partitions that can be worked on, by consumer.
    pub(crate) fn living_parts(&self, consumer: usize) -> usize {
        let parts = self.parts.values().map(|part| &part.record);
        let name = self.known[consumer].spec.name;
        parts.filter(|record| record.consumer == name && record.state != "done").count()
    }
}

fn index(position: Position) -> usize {
    position.get() as usize - 1
}

impl Known {
    /// All earlier events of the same key are dealt with.
    fn in_order(&self, position: Position) -> Kept {
        let at = index(position);
        let name = self.spec.name;
        let key = self.events[at].key.as_ref();
        promise!(key.is_some(), "{name}: {position} has an effect and is not wanted");
        for &before in key.and_then(|key| self.of_key.get(key)).into_iter().flatten() {
            if before >= at {
                break;
            }
            let event = &self.events[before];
            let skipped = event.parked && self.spec.on_failure == OnFailure::Skip;
            promise!(
                event.effects > 0 || event.discarded || skipped,
                "{name}: {position} has its effect before {} of the same key",
                before + 1
            );
        }
        Ok(())
    }

    fn effect_inside(&mut self, position: Position) -> Kept {
        let name = self.spec.name;
        let event = &self.events[index(position)];
        promise!(event.effects == 0, "{name}: {position} has its effect twice");
        promise!(!event.discarded, "{name}: {position} was discarded, and has its effect");
        self.in_order(position)?;
        self.events[index(position)].effects += 1;
        Ok(())
    }

    fn park(&mut self, record: &ParkedKey, happened: &mut impl FnMut(Happened, String)) {
        let (name, key) = (self.spec.name, &record.key);
        match self.parked.insert(key.clone(), record.clone()) {
            None if self.spec.on_failure == OnFailure::Skip => {
                happened(Happened::Skipped, format!("{name}: {} is skipped", record.position));
            }
            None => happened(Happened::Parked, format!("{name}: {key} is parked")),
            Some(before) if before.attempts < record.attempts => {
                happened(Happened::FailedAgain, format!("{name}: {key} fails again"));
            }
            Some(_) => {}
        }
    }

    fn set_aside(
        &mut self,
        item: &ParkedItem,
        happened: &mut impl FnMut(Happened, String),
    ) -> Kept {
        let (name, position) = (self.spec.name, item.position);
        let event = &mut self.events[index(position)];
        promise!(
            event.key.as_ref() == Some(&item.key),
            "{name}: {position} is not of {}",
            item.key
        );
        promise!(
            self.spec.external || event.effects == 0,
            "{name}: {position} had its effect, and is parked"
        );
        promise!(!event.discarded, "{name}: {position} was discarded, and is parked");
        event.parked = true;
        self.items.insert((item.key.clone(), position));
        if self.parked.get(&item.key).is_none_or(|key| key.position != position) {
            happened(Happened::SetAside, format!("{name}: {position} waits behind {}", item.key));
        }
        Ok(())
    }

    fn take_out(
        &mut self,
        (key, position): (&str, Position),
        happened: &mut impl FnMut(Happened, String),
    ) -> Kept {
        let name = self.spec.name;
        if !self.items.remove(&(key.to_owned(), position)) {
            return Ok(());
        }
        let event = &mut self.events[index(position)];
        event.parked = false;
        if event.effects == 0 {
            let wanted = self.parked.get(key).is_some_and(|key| key.discarded_by.is_some());
            promise!(wanted, "{name}: {position} was parked, and is lost");
            event.discarded = true;
            happened(Happened::Discarded, format!("{name}: {position} is discarded"));
        }
        Ok(())
    }

    fn heal(&mut self, key: &str) -> Kept {
        let name = self.spec.name;
        let left = self.items.iter().find(|(of, _)| of == key);
        promise!(left.is_none(), "{name}: {key} is healed, and {left:?} is left behind it");
        self.parked.remove(key);
        Ok(())
    }
}
