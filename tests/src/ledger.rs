//! What writers were told, and whether the log agrees with it.

use std::collections::{HashMap, HashSet};

use annals::store::{Append, Appended};
use annals::{EventId, RecordedEvent};

pub use annals_testkit::whole_log;

/// What was answered to a writer's appends.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Where the events of each acknowledged append are, in order.
    pub acknowledged: Vec<Vec<(EventId, u64)>>,
    /// The events of appends that were refused: they must not be there.
    pub refused: Vec<Vec<EventId>>,
    /// The events of appends that nobody knows of: all of them are there, or none is.
    pub unknown: Vec<Vec<EventId>>,
}

impl Ledger {
    /// Notes an acknowledged append.
    pub fn acknowledge(&mut self, append: &Append, appended: &Appended) {
        let ids = ids(append);
        let first = appended.position.get() + 1 - ids.len() as u64;
        self.acknowledged.push(ids.into_iter().zip(first..).collect());
    }

    /// Notes an append that was refused for good.
    pub fn refuse(&mut self, append: &Append) {
        self.refused.push(ids(append));
    }

    /// Notes an append whose outcome nobody knows.
    pub fn lose(&mut self, append: &Append) {
        self.unknown.push(ids(append));
    }

    /// The answers as lines of text, for another process to [read](Self::read_line).
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let acknowledged = self.acknowledged.iter().map(|events| {
            let events = events.iter().map(|(id, position)| format!(" {id} {position}"));
            format!("acknowledged{}", events.collect::<String>())
        });
        let others = [("refused", &self.refused), ("unknown", &self.unknown)];
        let others = others.into_iter().flat_map(|(word, appends)| {
            appends.iter().map(move |ids| {
                let ids = ids.iter().map(|id| format!(" {id}"));
                format!("{word}{}", ids.collect::<String>())
            })
        });
        acknowledged.chain(others)
    }

    /// Takes one of the [lines](Self::lines) of another process.
    ///
    /// # Panics
    /// When it is something else.
    pub fn read_line(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let id = |word: &&str| word.parse().expect("an event id");
        match words.as_slice() {
            ["acknowledged", events @ ..] => self.acknowledged.push(
                events
                    .chunks_exact(2)
                    .map(|event| (id(&event[0]), event[1].parse().expect("a position")))
                    .collect(),
            ),
            ["refused", ids @ ..] => self.refused.push(ids.iter().map(id).collect()),
            ["unknown", ids @ ..] => self.unknown.push(ids.iter().map(id).collect()),
            _ => panic!("`{line}` is no line of a ledger"),
        }
    }

    /// Adds what another writer was told.
    pub fn merge(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.refused.extend(other.refused);
        self.unknown.extend(other.unknown);
    }

    /// Holds the log to every answer: what was acknowledged is where it was said to be, what was
    /// refused is not there, nothing is half there, and nothing is there that nobody appended.
    ///
    /// # Panics
    /// When it is not so.
    pub fn check(&self, log: &[RecordedEvent]) {
        let known = self.check_answers(log);
        for event in log {
            assert!(known.contains(&event.id), "nobody appended event {}", event.id);
        }
    }

    /// As [`check`](Self::check), where not every writer lived to tell. Returns the events that
    /// somebody told of.
    ///
    /// # Panics
    /// When it is not so.
    pub fn check_answers(&self, log: &[RecordedEvent]) -> HashSet<EventId> {
        assert_dense(log);
        assert_whole(log);
        let stored: HashMap<EventId, u64> =
            log.iter().map(|event| (event.id, event.position.get())).collect();
        let mut known = HashSet::new();
        for (id, position) in self.acknowledged.iter().flatten() {
            assert_eq!(stored.get(id), Some(position), "event {id} was acknowledged there");
            assert!(known.insert(*id), "event {id} was acknowledged twice");
        }
        for id in self.refused.iter().flatten() {
            assert!(!stored.contains_key(id), "event {id} was refused and is stored");
        }
        for ids in &self.unknown {
            let present = ids.iter().filter(|id| stored.contains_key(id)).count();
            assert!(present == 0 || present == ids.len(), "the append of {ids:?} is half there");
            known.extend(ids);
        }
        known
    }
}

fn ids(append: &Append) -> Vec<EventId> {
    append.streams.iter().flat_map(|stream| &stream.events).map(|event| event.id).collect()
}

/// Positions are dense from 1, versions dense from 1 in each stream, and no id is there twice.
///
/// # Panics
/// When it is not so.
pub fn assert_dense(log: &[RecordedEvent]) {
    let (mut streams, mut ids) = (HashMap::new(), HashSet::new());
    for (event, position) in log.iter().zip(1..) {
        assert_eq!(event.position.get(), position, "positions are dense from 1");
        let version = streams.entry(&event.stream).or_insert(0);
        *version += 1;
        assert_eq!(event.version.get(), *version, "versions of {} are dense", event.stream);
        assert!(ids.insert(event.id), "event {} is stored twice", event.id);
    }
}

/// The events of a [`Writer`](crate::writer::Writer), who numbers those of each append, are there
/// together or not at all.
fn assert_whole(log: &[RecordedEvent]) {
    let mut rest = log.iter();
    while let Some(first) = rest.next() {
        let Some((0, count)) = numbers(first) else {
            assert!(numbers(first).is_none(), "the append of {first:?} lacks its beginning");
            continue;
        };
        for number in 1..count {
            let next = rest.next().and_then(numbers);
            assert_eq!(next, Some((number, count)), "the append of {first:?} is half there");
        }
    }
}

/// Which event of how many of its append this is.
fn numbers(event: &RecordedEvent) -> Option<(u64, u64)> {
    let number = |name: &str| {
        let (_, rest) = event.payload.as_str().split_once(&format!("\"{name}\":"))?;
        rest.split([',', '}']).next()?.parse().ok()
    };
    Some((number("n")?, number("of")?))
}
