//! Deadlines fire once, whoever is there, whatever races them, and late where nobody was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals::Annals;
use annals::prelude::*;
use annals::sagas::{Census, Input, SagaEvent, ops};
use annals_tests::desk::{DeskEvent, Reminders};
use annals_tests::random::{Random, seed};

use super::desk::{desk, events, happens, parked, tasks, until};
use crate::homes::Home;

/// How many deadlines, unless `ANNALS_DEADLINES` says otherwise.
fn many() -> usize {
    std::env::var("ANNALS_DEADLINES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

/// How many instances run.
async fn running(desk: &Annals) -> u64 {
    Census::of(&**desk.stores().work(), "reminders").await.expect("readable").count("running")
}

/// Waits until no timer is left.
async fn no_timer(desk: &Annals) {
    let stores = desk.stores();
    loop {
        let open = ops::open((&**stores.log(), &**stores.work()), "reminders", 10).await;
        if open.expect("readable").is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_programs_fire_each_once() {
    let seed = seed();
    Home::each(async |home: Arc<Home>| {
        let (mut random, many) = (Random::new(seed), many());
        let mut programs = Vec::new();
        for _ in 0..4 {
            programs.push(desk(&home).await.start().await.expect("it starts"));
        }
        let all = tasks(0..many);
        for chunk in all.chunks(100) {
            let due_in_ms = random.below(1_000);
            happens(&programs[0], chunk, &DeskEvent::Opened { due_in_ms }).await;
            if random.below(4) == 0 {
                // Whoever has a partition goes without a word, and another comes.
                let gone = programs.swap_remove(1 + random.below(3) as usize);
                drop(gone);
                programs.push(desk(&home).await.start().await.expect("it starts"));
            }
        }
        let reminded = until(&programs[0], &["desk.reminded"], many).await;
        assert_eq!(reminded.len(), many, "seed {seed}");
        assert!(reminded.values().all(|times| *times == 1), "seed {seed}: {reminded:?}");
        let desk = &programs[0];
        no_timer(desk).await;
        assert_eq!(parked(desk).await, [], "seed {seed}");
        for program in programs {
            program.shutdown().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_the_event_or_the_deadline() {
    let seed = seed();
    Home::each(async |home: Arc<Home>| {
        let mut random = Random::new(seed);
        let desk = desk(&home).await.start().await.expect("it starts");
        let all = tasks(0..1_000);
        for chunk in all.chunks(50) {
            happens(&desk, chunk, &DeskEvent::Opened { due_in_ms: 20 + random.below(20) }).await;
            tokio::time::sleep(Duration::from_millis(random.below(60))).await;
            happens(&desk, chunk, &DeskEvent::Finished).await;
        }
        let ends = until(&desk, &["desk.reminded", "desk.closed"], all.len()).await;
        assert_eq!(ends.len(), all.len(), "seed {seed}");
        assert!(ends.values().all(|times| *times == 1), "seed {seed}: {ends:?}");
        let reminded = events(&desk, &["desk.reminded"]).await.len();
        println!("{}: {reminded} deadlines of 1,000 were first", home.name());
        no_timer(&desk).await;
        // Who has finished when the flow had ended stands there, and holds nothing up.
        let parked = parked(&desk).await;
        let strays =
            parked.iter().filter(|(key, events)| key.ends_with(" (strays)") && *events == 1);
        assert_eq!(strays.count(), parked.len(), "seed {seed}: {parked:?}");
        assert!(parked.len() <= reminded, "seed {seed}: {reminded}, {parked:?}");
        desk.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_due_while_nobody_was_there_fires_late_and_in_order() {
    Home::each(async |home: Arc<Home>| {
        let many = many();
        let first = desk(&home).await.start().await.expect("it starts");
        for (number, chunk) in tasks(0..many).chunks(100).enumerate() {
            let due_in_ms = 2_000 - 20 * (number as u64 % 100);
            happens(&first, chunk, &DeskEvent::Opened { due_in_ms }).await;
        }
        while running(&first).await < many as u64
            && events(&first, &["desk.reminded"]).await.is_empty()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        first.shutdown().await;
        drop(first);
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        let second = desk(&home).await.start().await.expect("it starts");
        let reminded = until(&second, &["desk.reminded"], many).await;
        assert!(reminded.len() == many && reminded.values().all(|times| *times == 1));
        let mut last: BTreeMap<u16, jiff::Timestamp> = BTreeMap::new();
        let mut late = 0;
        for event in events(&second, &["annals.saga.stepped"]).await {
            let slice = event.stream.slice().get();
            let step = Recorded::<SagaEvent>::decode(event).expect("a step");
            let SagaEvent::Stepped { step } = step.data else { continue };
            let Input::Due { at, .. } = step.input else { continue };
            late += usize::from(step.at.duration_since(at).as_millis() > 50);
            // Each partition has a quarter of the slices.
            let before = last.insert(slice / 256, at);
            assert!(before.is_none_or(|before| before <= at), "in order");
        }
        assert!(late > many / 2, "{late} of {many} were late");
        second.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_down_when_they_come_due() {
    let story = async {
        let mut server = annals_tests::postgres::Server::start().await;
        let place = crate::postgres::place::Place::on(&server);
        let open = async || {
            let url = format!("{}&connect_retry_ms=20000", place.store_url());
            let builder = Annals::open(&url).await.expect("it opens");
            builder.events::<DeskEvent>().saga::<Reminders>().start().await.expect("it starts")
        };
        let desk = open().await;
        happens(&desk, &tasks(0..100), &DeskEvent::Opened { due_in_ms: 1_500 }).await;
        while running(&desk).await < 100 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.stop_immediate();
        tokio::time::sleep(Duration::from_secs(2)).await;
        server.start_again().await;
        let other = open().await;
        let reminded = until(&other, &["desk.reminded"], 100).await;
        assert!(reminded.len() == 100 && reminded.values().all(|times| *times == 1));
        desk.shutdown().await;
        other.shutdown().await;
    };
    tokio::time::timeout(Duration::from_secs(60), story).await.expect("it hangs");
}
