//! I2: the global order never lies.

use std::sync::Arc;

use annals_core::store::{Append, LogFilter, LogPage, LogQuery, Store, StoreError, Transaction};
use annals_core::{ExpectedVersion, Position, SLICES, Subscription};

use super::Subject;
use super::samples::{
    append, assert_in_order, event_of, events, hook, positions, put, refusing_hook, stream,
};

async fn ask(store: &dyn Store, query: LogQuery) -> LogPage {
    store.read_log(&query).await.expect("the log can be read")
}

fn all() -> LogQuery {
    LogQuery::after(Position::START)
}

fn categories(names: &[&str]) -> LogFilter {
    let categories = names.iter().map(|name| (*name).to_owned()).collect();
    LogFilter { categories, ..LogFilter::default() }
}

fn types(names: &[&str]) -> LogFilter {
    let event_types = names.iter().map(|name| (*name).into()).collect();
    LogFilter { event_types, ..LogFilter::default() }
}

/// 1 account.opened, 2 order.placed, 3 account.closed, 4 order.placed, 5 account.opened.
async fn prepare(store: &dyn Store) {
    for (name, event_type) in [
        ("account-1", "account.opened"),
        ("order-1", "order.placed"),
        ("account-1", "account.closed"),
        ("order-2", "order.placed"),
        ("account-2", "account.opened"),
    ] {
        let batch = Append::to(stream(name), ExpectedVersion::Any, vec![event_of(event_type)]);
        store.append(batch).await.expect("there are no expectations");
    }
}

/// Also after conflicts and refusals, which leave no holes.
pub async fn positions_are_dense_from_one(subject: Subject) {
    let store = &*subject.store;
    let empty = ask(store, all()).await;
    let start = Position::START;
    assert_eq!(empty, LogPage { events: vec![], looked_at: 0, next: start, head: start });
    for n in 0..5 {
        put(store, &format!("account-{n}"), 2).await;
        let late = Append::to(stream("account-0"), ExpectedVersion::NoStream, events(2));
        assert!(store.append(late).await.is_err());
        let mut refused = append("account-9", 2);
        refused.hooks = vec![refusing_hook()];
        assert!(store.append(refused).await.is_err());
    }
    assert_in_order(store).await;
    let page = ask(store, all()).await;
    assert_eq!(positions(&page.events), (1..=10).collect::<Vec<_>>());
    assert_eq!((page.next.get(), page.head.get()), (10, 10));
}

/// One category or several, each by its whole name.
pub async fn filters_by_category(subject: Subject) {
    let store = &*subject.store;
    prepare(store).await;
    put(store, "acc-1", 1).await;
    put(store, "account2-1", 1).await;
    for (wanted, found) in [
        (categories(&["account"]), vec![1, 3, 5]),
        (categories(&["order"]), vec![2, 4]),
        (categories(&["order", "acc"]), vec![2, 4, 6]),
        (categories(&["nobody"]), vec![]),
    ] {
        assert_eq!(positions(&ask(store, all().filter(wanted)).await.events), found);
    }
}

/// One type or several.
pub async fn filters_by_event_type(subject: Subject) {
    let store = &*subject.store;
    prepare(store).await;
    for (wanted, found) in [
        (types(&["account.opened"]), vec![1, 5]),
        (types(&["account.closed", "order.placed"]), vec![2, 3, 4]),
        (types(&["account"]), vec![]),
    ] {
        assert_eq!(positions(&ask(store, all().filter(wanted)).await.events), found);
    }
}

/// Ranges of slices that part the slices part the log, and a stream stays in one part.
pub async fn slices_part_the_log(subject: Subject) {
    let store = &*subject.store;
    for n in 0..40 {
        put(store, &format!("account-{n}"), 2).await;
    }
    let mut seen = Vec::new();
    for part in [0..100, 100..512, 512..1000, 1000..SLICES] {
        let wanted = LogFilter { slices: Some(part.clone()), ..LogFilter::default() };
        let page = ask(store, all().filter(wanted)).await;
        assert!(page.events.iter().all(|event| part.contains(&event.stream.slice().get())));
        seen.extend(positions(&page.events));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=80).collect::<Vec<_>>());
}

/// Category, type and slices at once: all must admit the event.
pub async fn filters_hold_together(subject: Subject) {
    let store = &*subject.store;
    prepare(store).await;
    let slice = stream("account-1").slice().get();
    let mut wanted = categories(&["account"]);
    wanted.event_types = types(&["account.opened", "order.placed"]).event_types;
    assert_eq!(positions(&ask(store, all().filter(wanted.clone())).await.events), [1, 5]);
    wanted.slices = Some(slice..slice + 1);
    let page = ask(store, all().filter(wanted)).await;
    assert!(positions(&page.events).contains(&1));
    assert!(page.events.iter().all(|event| event.stream.slice().get() == slice));
}

/// A reader with a narrow filter gets on although nothing is for it.
pub async fn next_passes_over_what_is_not_wanted(subject: Subject) {
    let store = &*subject.store;
    prepare(store).await;
    let page = ask(store, all().filter(categories(&["nobody"]))).await;
    assert_eq!((page.events.len(), page.next.get(), page.head.get()), (0, 5, 5));
    assert_eq!(page.looked_at, 5);
    let page = ask(store, all().filter(categories(&["order"]))).await;
    assert_eq!((page.events.len(), page.next.get(), page.head.get()), (2, 5, 5));
    // The page is full at position 2: what follows has not been looked at.
    let page = ask(store, all().filter(categories(&["order"])).limit(1)).await;
    assert_eq!((positions(&page.events), page.next.get(), page.head.get()), (vec![2], 2, 5));
    assert_eq!(page.looked_at, 2);
    let page = ask(store, LogQuery::after(Position::new(5))).await;
    assert_eq!((page.events.len(), page.next.get(), page.head.get()), (0, 5, 5));
    let page = ask(store, LogQuery::after(Position::new(9))).await;
    assert_eq!((page.events.len(), page.next.get(), page.head.get()), (0, 9, 5));
    assert_eq!(page.looked_at, 0);
}

/// Going on from `next` reads everything once, whatever the filter and the size of the page.
pub async fn pages_follow_each_other(subject: Subject) {
    let store = &*subject.store;
    for n in 0..30 {
        put(store, if n % 3 == 0 { "order-1" } else { "account-1" }, 1).await;
    }
    for (filter, found) in [(LogFilter::default(), 30), (categories(&["order"]), 10)] {
        for limit in [1, 2, 3, 7, 29, 30, 31] {
            let mut seen = Vec::new();
            let mut after = Position::START;
            loop {
                let query = LogQuery::after(after).filter(filter.clone()).limit(limit);
                let page = ask(store, query).await;
                assert!(page.events.len() <= limit);
                seen.extend(positions(&page.events));
                if page.next == page.head {
                    break;
                }
                assert!(page.next > after, "a page that is not the last gets on");
                after = page.next;
            }
            assert_eq!(seen.len(), found, "in pages of {limit}");
            assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "in order, and once");
        }
    }
}

/// A reader that stops at a position is told no more.
pub async fn up_to_is_the_end(subject: Subject) {
    let store = &*subject.store;
    prepare(store).await;
    let page = ask(store, all().up_to(Position::new(3))).await;
    assert_eq!((positions(&page.events), page.next.get(), page.head.get()), (vec![1, 2, 3], 3, 5));
    let narrow = all().up_to(Position::new(3)).filter(categories(&["order"]));
    let page = ask(store, narrow).await;
    assert_eq!((positions(&page.events), page.next.get(), page.head.get()), (vec![2], 3, 5));
    let page = ask(store, all().up_to(Position::new(99))).await;
    assert_eq!((page.events.len(), page.next.get()), (5, 5));
}

/// A limit of zero must not claim to have looked at anything.
pub async fn a_page_of_nothing_looks_at_nothing(subject: Subject) {
    let store = &*subject.store;
    prepare(store).await;
    let page = ask(store, LogQuery::after(Position::new(2)).limit(0)).await;
    assert_eq!((page.events.len(), page.next.get(), page.head.get()), (0, 2, 5));
}

/// A subscription beside eight writers sees every event once and in order, at the seam too.
pub async fn a_live_reader_misses_nothing(subject: Subject) {
    put(&*subject.store, "account-0", 20).await;
    let writers = start_writers(&subject.store);
    let total = 20 + 8 * 20 * 2;
    let filter = LogFilter::default();
    let mut reader = Subscription::new(subject.store.clone(), filter, Position::START).page_size(7);
    let mut seen = Vec::new();
    while seen.len() < total {
        seen.extend(positions(&reader.next().await.expect("the log can be read").events));
    }
    assert_eq!(seen, (1..=total as u64).collect::<Vec<_>>());
    for writer in writers {
        writer.await.expect("no append fails");
    }
    assert!(reader.try_next().await.expect("the log can be read").is_none(), "nothing came later");
}

/// Slow transactions and rollbacks beside the reader neither hide events nor leave gaps.
pub async fn no_reader_sees_a_gap_that_is_filled_later(subject: Subject) {
    let writers = start_writers(&subject.store);
    let slow = tokio::spawn({
        let store = subject.store.clone();
        async move {
            for n in 0..20 {
                let mut batch = append("slow-1", 1);
                batch.hooks = vec![if n % 2 == 0 { refusing_hook() } else { hook(slow_hook) }];
                assert_eq!(store.append(batch).await.is_err(), n % 2 == 0);
            }
        }
    });
    let total = 8 * 20 * 2 + 10;
    let mut seen = 0;
    while seen < total {
        let page = ask(&*subject.store, LogQuery::after(Position::new(seen))).await;
        for event in &page.events {
            seen += 1;
            assert_eq!(event.position.get(), seen, "positions are seen without gaps");
        }
        assert_eq!(page.next.get(), seen);
        assert!(page.head >= page.next);
        tokio::task::yield_now().await;
    }
    for task in writers.into_iter().chain([slow]) {
        task.await.expect("no append fails");
    }
    assert_in_order(&*subject.store).await;
}

fn slow_hook(
    _: Vec<annals_core::RecordedEvent>,
    transaction: &mut dyn Transaction,
) -> super::samples::HookFuture<'_> {
    Box::pin(async move {
        for n in 0..20 {
            transaction.put_state("slow", &n.to_string()).await?;
        }
        Ok::<(), StoreError>(())
    })
}

/// Eight writers that append two events twenty times each.
fn start_writers(store: &Arc<dyn Store>) -> Vec<tokio::task::JoinHandle<()>> {
    (0..8)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    put(&*store, &format!("account-{writer}"), 2).await;
                }
            })
        })
        .collect()
}

/// With the event that reaches them: never empty, and `next` goes on behind it.
pub async fn pages_end_at_their_bytes(subject: Subject) {
    let store = &*subject.store;
    // Seven bytes each.
    prepare(store).await;
    for (filter, pages) in [
        (LogFilter::default(), vec![vec![1, 2], vec![3, 4], vec![5]]),
        (categories(&["account"]), vec![vec![1, 3], vec![5]]),
        (types(&["order.placed"]), vec![vec![2, 4]]),
    ] {
        let mut query = all().filter(filter).bytes(8);
        let mut seen = Vec::new();
        loop {
            let page = ask(store, query.clone()).await;
            assert_eq!(page.head.get(), 5);
            seen.extend(Some(positions(&page.events)).filter(|events| !events.is_empty()));
            if page.next >= page.head {
                break;
            }
            query.after = page.next;
        }
        assert_eq!(seen, pages);
    }
    assert_eq!(positions(&ask(store, all().bytes(0)).await.events), [1]);
}
