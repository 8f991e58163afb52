//! One slow key among many: a subscriber goes on with the others for as long as its window has room, and
//! its checkpoint stays where it was.

use std::sync::Arc;
use std::time::Duration;

use annals::prelude::*;
use annals::{Annals, ConsumeError, EngineOptions, Position, Subscriber, async_trait, ops};
use annals_tests::bank::AccountEvent;
use tokio::sync::{Semaphore, mpsc};

use crate::homes::deposit;
use crate::postgres::place::Place;

const SLOW: u32 = 0;
const WINDOW: usize = 8;

struct Telling {
    told: mpsc::UnboundedSender<u32>,
    released: Arc<Semaphore>,
}

#[async_trait]
impl Subscriber for Telling {
    type Event = AccountEvent;
    const NAME: &'static str = "telling";
    const PARTITIONS: u32 = 1;

    async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
        let account: u32 = event.aggregate_id().map_err(ConsumeError::poison)?;
        if account == SLOW {
            drop(self.released.acquire().await.map_err(ConsumeError::retry)?);
        }
        self.told.send(account).map_err(ConsumeError::retry)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_bounds_it() {
    let played = tokio::time::timeout(Duration::from_secs(30), story()).await;
    played.expect("it comes to an end");
}

async fn story() {
    let place = Place::shared().await;
    let store = place.store().await;
    let (told, mut tells) = mpsc::unbounded_channel();
    let released = Arc::new(Semaphore::new(0));
    let telling = Telling { told, released: released.clone() };
    let options = EngineOptions { window: WINDOW, ..EngineOptions::default() };
    let program = Annals::on_shared(store.clone()).subscriber(telling).engine_options(options);
    let annals = program.start().await.expect("it starts");

    // One event waits, and leaves room for all others.
    deposit(&annals, SLOW, 1).await;
    for account in 1..50 {
        deposit(&annals, account, 1).await;
        assert_eq!(tells.recv().await, Some(account));
    }
    let position = ops::consumer(&*store, "telling").await.expect("it can be read");
    assert_eq!(position.expect("it is known").position, Position::START, "all but the first");

    // Those behind it fill the window; then nobody else gets in.
    deposit(&annals, SLOW, WINDOW - 1).await;
    deposit(&annals, 50, 1).await;
    let early = tokio::time::timeout(Duration::from_millis(300), tells.recv()).await;
    assert!(early.is_err(), "the window was full, and {early:?} got in");

    released.add_permits(1);
    let mut rest = Vec::new();
    while rest.len() <= WINDOW {
        rest.extend(tells.recv().await);
    }
    rest.sort_unstable();
    let mut expected = vec![SLOW; WINDOW];
    expected.push(50);
    assert_eq!(rest, expected);
    annals.shutdown().await;
}
