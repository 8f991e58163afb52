//! Where a subscriber begins when it is started for the first time, and that it goes on from where it was
//! ever after.

use annals::prelude::*;
use annals::store::LogQuery;
use annals::{ConsumeError, Position, Start, Subscriber, async_trait};
use annals_tests::bank::AccountEvent;
use tokio::sync::mpsc;

use crate::homes::{Home, deposit, quick};

struct Telling {
    start: Start,
    told: mpsc::UnboundedSender<u64>,
}

#[async_trait]
impl Subscriber for Telling {
    type Event = AccountEvent;
    const NAME: &'static str = "telling";
    const PARTITIONS: u32 = 1;

    fn start(&self) -> Start {
        self.start
    }

    async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
        self.told.send(event.position.get()).map_err(ConsumeError::retry)
    }
}

/// Appends four events, starts a subscriber, appends two more; what it is told, and then somewhere else
/// after a restart.
async fn begins_at(which: impl Fn(&[Recorded<AccountEvent>]) -> (Start, u64)) {
    Home::each(async |home| {
        let program = home.program().await.start().await.expect("it starts");
        for _ in 0..4 {
            deposit(&program, 1, 1).await;
        }
        let store = home.store().await;
        let page = store.read_log(&LogQuery::after(Position::START)).await.expect("it is read");
        let events =
            page.events.into_iter().map(|event| Recorded::decode(event).expect("it is known"));
        let (start, first) = which(&events.collect::<Vec<_>>());
        let (told, mut tells) = mpsc::unbounded_channel();
        let subscribe = async |start| {
            let telling = Telling { start, told: told.clone() };
            let subscribed = home.program().await.subscriber(telling).engine_options(quick());
            subscribed.start().await.expect("it starts")
        };
        let subscribed = subscribe(start).await;
        deposit(&program, 1, 2).await;
        for expected in first..=6 {
            assert_eq!(tells.recv().await, Some(expected), "{start:?} on {}", home.name());
        }
        subscribed.shutdown().await;

        deposit(&program, 1, 1).await;
        let subscribed = subscribe(Start::Beginning).await;
        assert_eq!(tells.recv().await, Some(7), "it goes on from where it was");
        subscribed.shutdown().await;
        program.shutdown().await;
        assert!(tells.try_recv().is_err(), "nothing else came");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_first_event() {
    begins_at(|_| (Start::Beginning, 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_what_comes() {
    begins_at(|_| (Start::Now, 5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_position() {
    begins_at(|_| (Start::After(Position::new(2)), 3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_time() {
    begins_at(|events| {
        let time = events[2].recorded_at;
        // The clock may not have gone on between two events.
        let earlier = events.iter().filter(|event| event.recorded_at < time).count();
        (Start::At(time), earlier as u64 + 1)
    })
    .await;
}
