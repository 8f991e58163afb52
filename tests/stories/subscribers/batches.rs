//! A subscriber that is behind takes what waits of a key at once. When that fails, what stands before the
//! event at fault counts, and only its key is parked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annals::prelude::*;
use annals::{ConsumeError, KeyBy, Subscriber, async_trait, ops};
use annals_tests::bank::AccountEvent;
use tokio::sync::mpsc;

use crate::homes::{Home, append, deposit, quick};

/// What it does not take, until it is mended.
const BAD: AccountEvent = AccountEvent::Deposited { cents: 13 };

/// Tells which positions it has dealt with at once.
struct Bundling {
    told: mpsc::UnboundedSender<Vec<u64>>,
    mended: Arc<AtomicBool>,
}

impl Bundling {
    fn deal_with(&self, events: &[Recorded<AccountEvent>]) -> Result<(), ConsumeError> {
        let bad = events.iter().any(|event| event.data == BAD);
        if bad && !self.mended.load(Ordering::SeqCst) {
            return Err(ConsumeError::poison("nobody takes thirteen"));
        }
        let positions = events.iter().map(|event| event.position.get()).collect();
        self.told.send(positions).map_err(ConsumeError::retry)
    }
}

#[async_trait]
impl Subscriber for Bundling {
    type Event = AccountEvent;
    const NAME: &'static str = "bundling";
    const KEY: KeyBy = KeyBy::Id;
    const BATCH: usize = 4;

    async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
        self.deal_with(std::slice::from_ref(event))
    }

    async fn handle_batch(&self, events: &[Recorded<AccountEvent>]) -> Result<(), ConsumeError> {
        self.deal_with(events)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_comes_together() {
    Home::each(async |home| {
        let program = home.program().await.start().await.expect("it starts");
        deposit(&program, 1, 6).await;
        append(&program, 2, vec![AccountEvent::Opened { owner: "Ann".into() }, BAD]).await;
        deposit(&program, 2, 2).await;
        let (told, mut tells) = mpsc::unbounded_channel();
        let mended = Arc::new(AtomicBool::new(false));
        let store = home.store().await;
        let bundling = Bundling { told, mended: mended.clone() };
        let options = annals::EngineOptions { page_events: 100, ..quick() };
        let subscribed = home.program().await.subscriber(bundling).engine_options(options);
        let subscribed = subscribed.start().await.expect("it starts");

        let mut first = Vec::new();
        for _ in 0..3 {
            first.push(tells.recv().await.expect("it goes on"));
        }
        first.sort();
        assert_eq!(first, [vec![1, 2, 3, 4], vec![5, 6], vec![7]], "{}", home.name());
        let parked = loop {
            // The park may be on its way.
            let parked = ops::parked(&*store, "bundling").await.expect("it can be read");
            if parked.first().is_some_and(|parked| parked.events == 3) {
                break parked;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        };
        assert_eq!((parked.len(), parked[0].key.as_str()), (1, "2"));
        assert_eq!(parked[0].position.get(), 8);

        mended.store(true, Ordering::SeqCst);
        let retry = ops::Ask::Retry(vec!["2".to_owned()]);
        ops::ask(&*store, "bundling", &retry, ("ann", "mended")).await.expect("it is known");
        for position in 8..=10 {
            assert_eq!(tells.recv().await, Some(vec![position]));
        }
        subscribed.shutdown().await;
        program.shutdown().await;
        assert!(tells.try_recv().is_err(), "each came once");
    })
    .await;
}
