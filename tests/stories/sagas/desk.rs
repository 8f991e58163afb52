//! A desk with tasks, for the stories about deadlines and about many instances.

use std::collections::BTreeMap;

use annals::store::{Append, LogFilter, LogQuery};
use annals::{
    Annals, Builder, EventType, ExpectedVersion, NewEvent, Position, RecordedEvent, StreamId, ops,
};
use annals_tests::desk::{DeskEvent, Reminders};

use crate::homes::{Home, quick};

/// A program that runs the saga, not started yet.
pub(super) async fn desk(home: &Home) -> Builder {
    let builder = Annals::on_shared(home.store().await).events::<DeskEvent>().saga::<Reminders>();
    builder.engine_options(annals::EngineOptions { page_events: 500, ..quick() })
}

/// Appends an event to each of these streams, as many at once as a store takes well.
pub(super) async fn happens(desk: &Annals, streams: &[String], event: &DeskEvent) -> Position {
    let mut position = Position::START;
    for streams in streams.chunks(500) {
        let streams = streams.iter().map(|stream| annals::store::StreamAppend {
            stream: StreamId::parse(stream.as_str()).expect("a stream's name"),
            expected: ExpectedVersion::Any,
            events: vec![NewEvent::of(event).expect("it can be written")],
        });
        let append = Append { streams: streams.collect(), ..Append::default() };
        position = desk.append(append).await.expect("it is appended").position;
    }
    position
}

pub(super) fn tasks(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("task-{number}")).collect()
}

/// All events of some types.
pub(super) async fn events(desk: &Annals, types: &[&'static str]) -> Vec<RecordedEvent> {
    let types = types.iter().map(|name| EventType::from_static(name)).collect();
    let filter = LogFilter { event_types: types, ..LogFilter::default() };
    let (mut all, mut after) = (Vec::new(), Position::START);
    loop {
        let query = LogQuery { filter: filter.clone(), ..LogQuery::after(after) };
        let page = desk.log().read_log(&query).await.expect("it can be read");
        all.extend(page.events);
        if page.next >= page.head || page.next <= after {
            return all;
        }
        after = page.next;
    }
}

/// Waits until so many events of some types are there, and says how many of them each stream has.
pub(super) async fn until(
    desk: &Annals,
    types: &[&'static str],
    many: usize,
) -> BTreeMap<String, usize> {
    loop {
        let found = events(desk, types).await;
        if found.len() >= many {
            let mut of: BTreeMap<String, usize> = BTreeMap::new();
            found.iter().for_each(|event| *of.entry(event.stream.to_string()).or_default() += 1);
            return of;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// The keys of the saga that are parked, with how many events wait behind each.
pub(super) async fn parked(desk: &Annals) -> Vec<(String, u64)> {
    let parked = ops::parked(&**desk.stores().work(), "reminders").await.expect("readable");
    parked.into_iter().map(|parked| (parked.key, parked.events)).collect()
}
