//! Looking through a store without knowing what is in it.

use annals_core::EventId;
use annals_core::store::{Examination, Operate, StreamSummary, StreamsQuery};

use super::Subject;
use super::samples::{log, put, stream};

async fn list(store: &dyn Operate, query: StreamsQuery) -> Vec<StreamSummary> {
    store.streams(&query).await.expect("streams can be listed")
}

fn names(streams: &[StreamSummary]) -> Vec<&str> {
    streams.iter().map(|one| one.stream.as_str()).collect()
}

/// Each once, with its version, and with the place and time of its last event.
pub async fn streams_are_listed_by_name(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let store = &*operated.store;
    assert_eq!(list(store, StreamsQuery::all()).await, []);
    for (name, count) in [("order-2", 3), ("order-10", 1), ("account-1", 2), ("order-2", 1)] {
        put(store, name, count).await;
        operated.clock.advance(std::time::Duration::from_secs(1));
    }
    let streams = list(store, StreamsQuery::all()).await;
    assert_eq!(names(&streams), ["account-1", "order-10", "order-2"]);
    let log = log(store).await;
    for one in streams {
        let events: Vec<_> = log.iter().filter(|event| event.stream == one.stream).collect();
        let last = events.last().expect("a stream that is listed has events");
        assert_eq!(one.version.get(), events.len() as u64, "{}", one.stream);
        assert_eq!((one.position, one.recorded_at), (last.position, last.recorded_at));
    }
}

/// A category is what stands before the first `-`, all of it.
pub async fn streams_of_a_category(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let store = &*operated.store;
    for name in ["order-1", "order--", "orders-1", "orde-1", "Order-1", "order.x-1", "order-é"] {
        put(store, name, 1).await;
    }
    let of = |category: &str| StreamsQuery::all().category(category);
    assert_eq!(names(&list(store, of("order")).await), ["order--", "order-1", "order-é"]);
    assert_eq!(names(&list(store, of("orders")).await), ["orders-1"]);
    assert_eq!(names(&list(store, of("ord")).await), [""; 0]);
    let after = of("order").after(stream("order--"));
    assert_eq!(names(&list(store, after).await), ["order-1", "order-é"]);
}

/// A page is as long as was asked for, and the next begins behind it.
pub async fn pages_of_streams_follow_each_other(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let store = &*operated.store;
    for n in 0..25 {
        put(store, &format!("order-{n}"), 1 + n % 3).await;
    }
    let all = list(store, StreamsQuery::all()).await;
    assert_eq!(all.len(), 25);
    let (mut query, mut seen) = (StreamsQuery::all().limit(10), Vec::new());
    loop {
        let page = list(store, query.clone()).await;
        let is_last = page.len() < query.limit;
        seen.extend(page);
        if is_last {
            break;
        }
        query = query.after(seen[seen.len() - 1].stream.clone());
    }
    assert_eq!(seen, all);
    assert_eq!(list(store, StreamsQuery::all().limit(0)).await, []);
}

/// The order is that of the bytes, whatever the database thinks of letters.
pub async fn streams_of_every_script_are_listed(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let store = &*operated.store;
    let mut wanted =
        ["a-b", "a-B", "a-_", "a-é", "a-日本", "a-😀", "a-%", "a-'", "é-1", "😀-\u{10ffff}", "B-a"];
    for name in wanted {
        put(store, name, 2).await;
    }
    wanted.sort_unstable();
    assert_eq!(names(&list(store, StreamsQuery::all()).await), wanted);
}

/// Whole, or not at all.
pub async fn an_event_is_found_by_its_id(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let store = &*operated.store;
    put(store, "order-1", 3).await;
    put(store, "order-2", 1).await;
    for event in log(store).await {
        assert_eq!(store.event(event.id).await.expect("it can be looked for"), Some(event));
    }
    assert_eq!(store.event(EventId::generate()).await.expect("it can be looked for"), None);
}

/// It finds something of everything, and leaves the log as it is.
pub async fn an_examination_changes_nothing(subject: Subject) {
    let Some(operated) = subject.operate().await else { return };
    let store = &*operated.store;
    put(store, "order-1", 3).await;
    let before = log(store).await;
    for full in [false, true] {
        let how = Examination { full, ..Examination::default() };
        let findings = store.examine(&how).await.expect("a store can be examined");
        assert!(!findings.is_empty());
        assert!(findings.iter().all(|one| !one.what.is_empty() && !one.check.is_empty()));
        let checks: Vec<_> = findings.iter().map(|one| one.check).collect();
        assert!(checks.contains(&"size"), "{checks:?}");
    }
    assert_eq!(log(store).await, before);
}
