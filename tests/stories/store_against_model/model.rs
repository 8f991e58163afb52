//! What a store is, without anything that makes it fast.

use std::collections::HashMap;

use annals_core::store::{
    Append, Appended, LogFilter, LogQuery, ReadDirection, Store, StoreError, StreamQuery,
};
use annals_core::{EventId, Position, StreamId};

/// The log, and what was appended before.
#[derive(Default)]
pub(super) struct Model {
    pub(super) log: Vec<ModelEvent>,
    /// Every append that was written, with its result.
    pub(super) written: Vec<(Append, Outcome)>,
    keys: HashMap<String, Outcome>,
    /// How many appends were tried.
    pub(super) tries: u64,
    /// The try that left its number last, by the way it was made.
    left: HashMap<Way, u64>,
}

/// How an append is made. All but the plain one leave the number of the try under a key, which stays if
/// the append does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Way {
    Plain,
    /// As the last step of a transaction, which writes the number itself, also for a repetition.
    Inside,
    /// With a hook that writes the number before.
    Hooked,
}

impl Way {
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Inside => "inside",
            Self::Hooked => "hooked",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ModelEvent {
    pub(super) id: EventId,
    pub(super) stream: StreamId,
    pub(super) version: u64,
    pub(super) position: u64,
    pub(super) event_type: String,
}

/// What should come of an append.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// Streams with their versions before and after, and the last position.
    Written {
        streams: Vec<(StreamId, u64, u64)>,
        position: u64,
        repeated: bool,
    },
    /// One of these streams is where it says.
    Conflict(Vec<(StreamId, u64)>),
    Duplicate,
    KeyReused,
    Invalid,
}

impl Model {
    pub(super) fn version(&self, stream: &StreamId) -> u64 {
        self.log.iter().filter(|event| event.stream == *stream).count() as u64
    }

    pub(super) fn append(&mut self, append: &Append) -> Outcome {
        if append.event_count() == 0 && append.command.is_none() && append.hooks.is_empty()
            || append.command.is_some() && append.streams.len() != 1
        {
            return Outcome::Invalid;
        }
        if let Some(known) = append.command.as_ref().and_then(|key| self.keys.get(key.as_str())) {
            return match known {
                Outcome::Written { streams, .. } if streams[0].0 == append.streams[0].stream => {
                    known.again()
                }
                _ => Outcome::KeyReused,
            };
        }
        if ids(append).any(|id| self.log.iter().any(|event| event.id == id)) {
            let same = self.written.iter().find(|(first, _)| is_same(first, append));
            return same.map_or(Outcome::Duplicate, |(_, outcome)| outcome.again());
        }
        let conflicts: Vec<_> = append
            .streams
            .iter()
            .map(|wanted| (wanted, self.version(&wanted.stream)))
            .filter(|(wanted, actual)| !wanted.expected.admits((*actual).into_version()))
            .map(|(wanted, actual)| (wanted.stream.clone(), actual))
            .collect();
        if !conflicts.is_empty() {
            return Outcome::Conflict(conflicts);
        }
        let outcome = self.write(append);
        if let Some(key) = &append.command {
            self.keys.insert(key.as_str().to_owned(), outcome.clone());
        }
        self.written.push((append.clone(), outcome.clone()));
        outcome
    }

    /// What stays of the number of a try.
    pub(super) fn leave(&mut self, way: Way, outcome: &Outcome) {
        let stays = match outcome {
            Outcome::Written { repeated, .. } => {
                way == Way::Inside || way == Way::Hooked && !repeated
            }
            _ => false,
        };
        if stays {
            self.left.insert(way, self.tries);
        }
    }

    pub(super) async fn assert_same_numbers(&self, store: &dyn Store) {
        for way in [Way::Plain, Way::Inside, Way::Hooked] {
            let stored = store.state(way.key()).await.expect("states can be read");
            assert_eq!(stored, self.left.get(&way).map(u64::to_string), "{way:?}");
        }
    }

    fn write(&mut self, append: &Append) -> Outcome {
        let mut streams = Vec::new();
        for wanted in &append.streams {
            let before = self.version(&wanted.stream);
            for (event, n) in wanted.events.iter().zip(1..) {
                self.log.push(ModelEvent {
                    id: event.id,
                    stream: wanted.stream.clone(),
                    version: before + n,
                    position: self.log.len() as u64 + 1,
                    event_type: event.event_type.to_string(),
                });
            }
            let after = before + wanted.events.len() as u64;
            streams.push((wanted.stream.clone(), before, after));
        }
        let first = append.streams.first().map(|first| &first.stream);
        let of_stream = |event: &&ModelEvent| Some(&event.stream) == first;
        let position = match append.event_count() {
            0 => self.log.iter().rfind(of_stream).map_or(0, |event| event.position),
            _ => self.log.len() as u64,
        };
        Outcome::Written { streams, position, repeated: false }
    }

    pub(super) fn read_stream(&self, query: &StreamQuery) -> Vec<ModelEvent> {
        let range = query.from.get()..=query.to.get();
        let wanted =
            |event: &ModelEvent| event.stream == query.stream && range.contains(&event.version);
        let mut events: Vec<_> = self.log.iter().filter(|event| wanted(event)).cloned().collect();
        if query.direction == ReadDirection::Backward {
            events.reverse();
        }
        events.truncate(query.limit);
        events
    }

    /// All that a filter admits after one position and up to another.
    pub(super) fn read_log(&self, after: u64, up_to: u64, filter: &LogFilter) -> Vec<ModelEvent> {
        let wanted = |event: &&ModelEvent| {
            let slice = event.stream.slice().get();
            event.position > after
                && event.position <= up_to
                && (filter.categories.is_empty()
                    || filter.categories.iter().any(|one| *one == event.stream.category()))
                && (filter.event_types.is_empty()
                    || filter.event_types.iter().any(|one| *one == event.event_type.as_str()))
                && filter.slices.as_ref().is_none_or(|slices| slices.contains(&slice))
        };
        self.log.iter().filter(wanted).cloned().collect()
    }

    pub(super) async fn assert_same_log(&self, store: &dyn Store) {
        let page = store.read_log(&LogQuery::after(Position::START)).await.expect("a page");
        let stored: Vec<_> = page.events.iter().map(ModelEvent::from).collect();
        assert_eq!(stored, self.log, "the whole log");
    }
}

impl Outcome {
    fn again(&self) -> Self {
        match self.clone() {
            Self::Written { streams, position, .. } => {
                Self::Written { streams, position, repeated: true }
            }
            other => other,
        }
    }

    /// Whether this is what the store did.
    pub(super) fn assert_is(&self, result: &Result<Appended, StoreError>) {
        match (self, result) {
            (Self::Written { streams, position, repeated }, Ok(appended)) => {
                let found: Vec<_> = appended
                    .streams
                    .iter()
                    .map(|one| (one.stream.clone(), one.before.get(), one.after.get()))
                    .collect();
                assert_eq!(found, *streams);
                assert_eq!((appended.position.get(), appended.repeated), (*position, *repeated));
            }
            (Self::Conflict(streams), Err(StoreError::Conflict { stream, actual, .. })) => {
                assert!(streams.contains(&(stream.clone(), actual.get())), "{result:?}");
            }
            (Self::Duplicate, Err(StoreError::DuplicateEvent { .. }))
            | (Self::KeyReused, Err(StoreError::KeyReused { .. }))
            | (Self::Invalid, Err(StoreError::Invalid { .. })) => {}
            (expected, actual) => panic!("expected {expected:?}, the store did {actual:?}"),
        }
    }
}

impl From<&annals_core::RecordedEvent> for ModelEvent {
    fn from(event: &annals_core::RecordedEvent) -> Self {
        Self {
            id: event.id,
            stream: event.stream.clone(),
            version: event.version.get(),
            position: event.position.get(),
            event_type: event.event_type.to_string(),
        }
    }
}

/// Whether two appends have the same ids in the same streams, in the same order.
fn is_same(one: &Append, other: &Append) -> bool {
    let shape = |append: &Append| -> Vec<(StreamId, Vec<EventId>)> {
        let streams = append.streams.iter();
        streams
            .map(|wanted| {
                (wanted.stream.clone(), wanted.events.iter().map(|event| event.id).collect())
            })
            .collect()
    };
    shape(one) == shape(other)
}

fn ids(append: &Append) -> impl Iterator<Item = EventId> {
    append.streams.iter().flat_map(|wanted| &wanted.events).map(|event| event.id)
}

trait IntoVersion {
    fn into_version(self) -> annals_core::StreamVersion;
}

impl IntoVersion for u64 {
    fn into_version(self) -> annals_core::StreamVersion {
        annals_core::StreamVersion::new(self)
    }
}
