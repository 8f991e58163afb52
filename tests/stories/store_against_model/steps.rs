//! What can happen to a store, at random.

use std::sync::Arc;

use annals_core::store::{
    Append, AppendHook, CommandKey, LogFilter, LogQuery, Store, StoreError, StreamQuery,
    TransactExt, Transaction,
};
use annals_core::{
    ExpectedVersion, NewEvent, Payload, Position, RecordedEvent, SLICES, StreamId, StreamVersion,
};
use async_trait::async_trait;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::model::{Model, ModelEvent, Way};

const STREAMS: [&str; 6] = ["account-1", "account-2", "account-11", "order-1", "order-é", "acc-1"];
const CATEGORIES: [&str; 4] = ["account", "order", "acc", "nobody"];
const TYPES: [&str; 3] = ["sample.a", "sample.b", "sample.ab"];

/// One step of a story.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// New events for some streams.
    Append {
        streams: Vec<StreamStep>,
        key: Option<u8>,
        way: Way,
    },
    /// An append that was written before, as it was or changed.
    Again {
        which: Index,
        change: Change,
        with_key: bool,
        way: Way,
    },
    ReadStream {
        stream: &'static str,
        from: u64,
        to: u64,
        backward: bool,
        limit: usize,
    },
    ReadLog {
        after: u64,
        up_to: Option<u64>,
        filter: LogFilter,
        limit: usize,
    },
}

#[derive(Debug, Clone)]
pub(super) struct StreamStep {
    stream: &'static str,
    expected: Expected,
    types: Vec<&'static str>,
}

/// An expectation, relative to where the stream is.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Any,
    NoStream,
    StreamExists,
    Actual,
    Exact(u64),
}

/// How an append comes again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    None,
    Reversed,
    InAnotherStream,
    WithOneMore,
}

/// Stories of up to forty steps.
pub(super) fn stories() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..40)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => one_stream(),
        2 => several_streams(),
        3 => again(),
        2 => read_stream(),
        3 => read_log(),
    ]
}

fn expected() -> impl Strategy<Value = Expected> {
    prop_oneof![
        3 => Just(Expected::Any),
        1 => Just(Expected::NoStream),
        1 => Just(Expected::StreamExists),
        4 => Just(Expected::Actual),
        1 => (0..6u64).prop_map(Expected::Exact),
    ]
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![3 => Just(Way::Plain), 1 => Just(Way::Inside), 1 => Just(Way::Hooked)]
}

/// To one stream, perhaps with a key, perhaps without events.
fn one_stream() -> impl Strategy<Value = Step> {
    let stream = (select(&STREAMS[..]), expected(), vec(select(&TYPES[..]), 0..4));
    (stream, option::of(0..5u8), way()).prop_map(|((stream, expected, types), key, way)| {
        Step::Append { streams: vec![StreamStep { stream, expected, types }], key, way }
    })
}

/// To several streams, with events for each; a key makes it invalid.
fn several_streams() -> impl Strategy<Value = Step> {
    let names = subsequence(STREAMS.to_vec(), 2..4).prop_shuffle();
    let each = vec((expected(), vec(select(&TYPES[..]), 1..3)), 3);
    (names, each, option::weighted(0.05, 0..5u8), way()).prop_map(|(names, each, key, way)| {
        let streams = names.into_iter().zip(each);
        let streams = streams
            .map(|(stream, (expected, types))| StreamStep { stream, expected, types })
            .collect();
        Step::Append { streams, key, way }
    })
}

fn again() -> impl Strategy<Value = Step> {
    let change = select(vec![
        Change::None,
        Change::None,
        Change::Reversed,
        Change::InAnotherStream,
        Change::WithOneMore,
    ]);
    (any::<Index>(), change, any::<bool>(), way())
        .prop_map(|(which, change, with_key, way)| Step::Again { which, change, with_key, way })
}

fn read_stream() -> impl Strategy<Value = Step> {
    (select(&STREAMS[..]), 0..8u64, 0..12u64, any::<bool>(), 0..8usize).prop_map(
        |(stream, from, to, backward, limit)| Step::ReadStream {
            stream,
            from,
            to,
            backward,
            limit,
        },
    )
}

fn read_log() -> impl Strategy<Value = Step> {
    let slices = option::weighted(0.3, (0..SLICES, 1..=SLICES)).prop_map(|range| {
        range.map(|(begin, length)| begin..begin.saturating_add(length).min(SLICES))
    });
    let filter =
        (subsequence(CATEGORIES.to_vec(), 0..3), subsequence(TYPES.to_vec(), 0..3), slices)
            .prop_map(|(categories, types, slices)| LogFilter {
                categories: categories.into_iter().map(str::to_owned).collect(),
                event_types: types.into_iter().map(Into::into).collect(),
                slices,
            });
    (0..40u64, option::of(0..60u64), filter, 1..20usize)
        .prop_map(|(after, up_to, filter, limit)| Step::ReadLog { after, up_to, filter, limit })
}

impl Step {
    /// Takes the step on both, and compares.
    pub(super) async fn take(&self, store: &dyn Store, model: &mut Model) {
        match self {
            Self::Append { streams, key, way } => {
                let mut append = Append::default();
                for step in streams {
                    let stream = parse(step.stream);
                    let expected = step.expected.at(model.version(&stream));
                    let events = step.types.iter().copied().map(event).collect();
                    append = append.and(stream, expected, events);
                }
                append.command = key.map(|key| command_key(key).into());
                compare(store, model, append, *way).await;
            }
            Self::Again { which, change, with_key, way } => {
                if model.written.is_empty() {
                    return;
                }
                let mut append = which.get(&model.written).0.clone();
                if !with_key {
                    append.command = None;
                }
                change.make(&mut append);
                compare(store, model, append, *way).await;
            }
            Self::ReadStream { stream, from, to, backward, limit } => {
                let mut query = StreamQuery::all(parse(stream))
                    .after(StreamVersion::new(*from))
                    .up_to(StreamVersion::new(*to))
                    .limit(*limit);
                if *backward {
                    query = query.backward();
                }
                let events = store.read_stream(&query).await.expect("a stream can be read");
                let events: Vec<_> = events.iter().map(ModelEvent::from).collect();
                assert_eq!(events, model.read_stream(&query), "{query:?}");
            }
            Self::ReadLog { after, up_to, filter, limit } => {
                read_log_page(store, model, *after, *up_to, filter, *limit).await;
            }
        }
    }
}

async fn compare(store: &dyn Store, model: &mut Model, mut append: Append, way: Way) {
    model.tries += 1;
    let number = model.tries.to_string();
    append.hooks = match way {
        Way::Hooked => vec![Arc::new(Numbers(number.clone()))],
        Way::Plain | Way::Inside => Vec::new(),
    };
    let result = match way {
        Way::Inside => {
            let append = append.clone();
            let appended = store.transact_with(move |transaction| {
                let (number, append) = (number.clone(), append.clone());
                Box::pin(async move {
                    transaction.put_state(way.key(), &number).await?;
                    transaction.append(&append).await
                })
            });
            appended.await
        }
        Way::Plain | Way::Hooked => store.append(append.clone()).await,
    };
    let outcome = model.append(&append);
    outcome.assert_is(&result);
    model.leave(way, &outcome);
    model.assert_same_numbers(store).await;
}

/// Writes the number of a try.
struct Numbers(String);

#[async_trait]
impl AppendHook for Numbers {
    async fn before(&self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        transaction.put_state(Way::Hooked.key(), &self.0).await
    }

    async fn run(
        &self,
        events: &[RecordedEvent],
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        let position = events.last().expect("there are events to run for").position;
        transaction.set_checkpoint("hooked", position).await
    }
}

async fn read_log_page(
    store: &dyn Store,
    model: &Model,
    after: u64,
    up_to: Option<u64>,
    filter: &LogFilter,
    limit: usize,
) {
    let mut query = LogQuery::after(Position::new(after)).filter(filter.clone()).limit(limit);
    if let Some(up_to) = up_to {
        query = query.up_to(Position::new(up_to));
    }
    let page = store.read_log(&query).await.expect("the log can be read");

    let head = model.log.len() as u64;
    let end = head.min(up_to.unwrap_or(u64::MAX)).max(after);
    let mut wanted = model.read_log(after, end, filter);
    let beyond = wanted.split_off(limit.min(wanted.len()));
    let events: Vec<_> = page.events.iter().map(ModelEvent::from).collect();
    assert_eq!(events, wanted, "{query:?}");
    assert_eq!(page.head.get(), head);
    let next = page.next.get();
    if events.len() < limit {
        assert_eq!(next, end, "a page that is not full has looked at everything: {query:?}");
    } else {
        // How far a full page has looked is the store's affair, as long as nothing is passed over.
        let last = events.last().map_or(after, |event| event.position);
        let first_beyond = beyond.first().map_or(end + 1, |event| event.position);
        assert!((last..first_beyond).contains(&next), "{query:?} goes on from {next}");
    }
}

impl Expected {
    fn at(self, actual: u64) -> ExpectedVersion {
        match self {
            Self::Any => ExpectedVersion::Any,
            Self::NoStream => ExpectedVersion::NoStream,
            Self::StreamExists => ExpectedVersion::StreamExists,
            Self::Actual => ExpectedVersion::Exact(StreamVersion::new(actual)),
            Self::Exact(version) => ExpectedVersion::Exact(StreamVersion::new(version)),
        }
    }
}

impl Change {
    fn make(self, append: &mut Append) {
        let Some(first) = append.streams.first_mut() else { return };
        match self {
            Self::None => {}
            Self::Reversed => first.events.reverse(),
            Self::InAnotherStream => first.stream = parse("elsewhere-1"),
            Self::WithOneMore => first.events.push(event(TYPES[0])),
        }
    }
}

fn event(event_type: &str) -> NewEvent {
    NewEvent::raw(event_type, 1, Payload::from_stored("{}"))
}

fn command_key(key: u8) -> CommandKey {
    CommandKey::new(format!("key {key}")).expect("a short key")
}

fn parse(stream: &str) -> StreamId {
    StreamId::parse(stream).expect("a stream name")
}
