//! Streams, events and short ways to say what a case does.

use std::sync::Arc;

use annals_core::store::{
    Append, AppendHook, Appended, Store, StoreError, StreamQuery, Transaction,
};
use annals_core::{
    EventId, ExpectedVersion, NewEvent, Payload, RecordedEvent, StreamId, StreamVersion,
};
use async_trait::async_trait;

pub(super) use crate::log::whole_log as log;

/// A stream by its whole name.
pub(super) fn stream(name: &str) -> StreamId {
    StreamId::parse(name).expect("the suite's stream names are valid")
}

/// An event with a new id.
pub(super) fn event() -> NewEvent {
    event_of("sample.happened")
}

/// An event of a type.
pub(super) fn event_of(event_type: &str) -> NewEvent {
    NewEvent::raw(event_type, 1, Payload::from_stored(r#"{"n":1}"#))
}

/// Several events with new ids.
pub(super) fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| event()).collect()
}

/// The expectation of a version.
pub(super) fn exact(version: u64) -> ExpectedVersion {
    ExpectedVersion::Exact(StreamVersion::new(version))
}

/// An append of new events, whatever the stream looks like.
pub(super) fn append(name: &str, count: usize) -> Append {
    Append::to(stream(name), ExpectedVersion::Any, events(count))
}

/// Appends new events, whatever the stream looks like.
pub(super) async fn put(store: &dyn Store, name: &str, count: usize) -> Appended {
    store.append(append(name, count)).await.expect("an append without expectations succeeds")
}

/// A whole stream.
pub(super) async fn read(store: &dyn Store, name: &str) -> Vec<RecordedEvent> {
    store.read_stream(&StreamQuery::all(stream(name))).await.expect("a stream can be read")
}

/// The positions of events.
pub(super) fn positions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.position.get()).collect()
}

/// The versions of events.
pub(super) fn versions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.version.get()).collect()
}

/// The ids of stored events.
pub(super) fn ids(events: &[RecordedEvent]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

/// The ids of an append's events, in order.
pub(super) fn ids_of(append: &Append) -> Vec<EventId> {
    append.streams.iter().flat_map(|stream| &stream.events).map(|event| event.id).collect()
}

/// What the store holds keeps every promise about numbers: positions are dense from 1, each
/// stream's versions are dense from 1 in the order of positions, no id is there twice, and the
/// head is the last position.
pub(super) async fn assert_in_order(store: &dyn Store) {
    let log = log(store).await;
    let dense: Vec<u64> = (1..=log.len() as u64).collect();
    assert_eq!(positions(&log), dense, "positions are dense from 1");
    let mut streams = std::collections::HashMap::<&StreamId, u64>::new();
    let mut ids = std::collections::HashSet::new();
    for event in &log {
        let version = streams.entry(&event.stream).or_default();
        *version += 1;
        assert_eq!(event.version.get(), *version, "versions of {} are dense", event.stream);
        assert!(ids.insert(event.id), "event {} is stored twice", event.id);
    }
    assert_eq!(store.head().await.expect("the head can be read").get(), log.len() as u64);
}

/// An append is refused as a conflict with these facts.
#[track_caller]
pub(super) fn assert_conflict(
    result: Result<Appended, StoreError>,
    name: &str,
    wanted: ExpectedVersion,
    found: u64,
) {
    match result {
        Err(StoreError::Conflict { stream, expected, actual }) => {
            assert_eq!((stream.as_str(), expected, actual.get()), (name, wanted, found));
        }
        other => panic!("a conflict on {name} was due, not {other:?}"),
    }
}

/// A request is refused as wrong in itself.
#[track_caller]
pub(super) fn assert_invalid<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Invalid { .. }) => {}
        other => panic!("the request is invalid, and was answered {other:?}"),
    }
}

/// A hook made of a function.
pub(super) struct Hook<F>(F);

/// Makes a hook of a function that gives back the future of its work.
pub(super) fn hook<F>(work: F) -> Arc<dyn AppendHook>
where
    F: for<'t> Fn(Vec<RecordedEvent>, &'t mut dyn Transaction) -> HookFuture<'t>
        + Send
        + Sync
        + 'static,
{
    Arc::new(Hook(work))
}

pub(super) type HookFuture<'t> =
    std::pin::Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 't>>;

#[async_trait]
impl<F> AppendHook for Hook<F>
where
    F: for<'t> Fn(Vec<RecordedEvent>, &'t mut dyn Transaction) -> HookFuture<'t> + Send + Sync,
{
    async fn run(
        &self,
        events: &[RecordedEvent],
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        (self.0)(events.to_vec(), transaction).await
    }
}

/// A hook made of a function that comes before the append.
struct BeforeHook<F>(F);

/// Makes a hook that comes before the append, of a function that gives back the future of its work.
pub(super) fn before_hook<F>(work: F) -> Arc<dyn AppendHook>
where
    F: for<'t> Fn(&'t mut dyn Transaction) -> HookFuture<'t> + Send + Sync + 'static,
{
    Arc::new(BeforeHook(work))
}

#[async_trait]
impl<F> AppendHook for BeforeHook<F>
where
    F: for<'t> Fn(&'t mut dyn Transaction) -> HookFuture<'t> + Send + Sync,
{
    async fn before(&self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        (self.0)(transaction).await
    }

    async fn run(
        &self,
        _events: &[RecordedEvent],
        _transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A hook that always says no.
pub(super) fn refusing_hook() -> Arc<dyn AppendHook> {
    hook(|_, _| Box::pin(async { Err(StoreError::refused("the hook says no")) }))
}
