//! Which events a subscriber is given: those of its types, categories and slices, and no others; its
//! checkpoint passes all.

use std::ops::Range;

use annals::prelude::*;
use annals::store::Append;
use annals::{
    Annals, ConsumeError, ExpectedVersion, NewEvent, StreamId, Subscriber, async_trait, ops,
};
use annals_tests::bank::AccountEvent;
use tokio::sync::mpsc;

use crate::homes::{Home, quick};

/// Those of the events of accounts that it wants.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "account")]
enum Incoming {
    Deposited { cents: i64 },
}

struct Choosing {
    told: mpsc::UnboundedSender<(String, i64)>,
}

const SLICES: Range<u16> = 100..700;

#[async_trait]
impl Subscriber for Choosing {
    type Event = Incoming;
    const NAME: &'static str = "choosing";

    fn categories(&self) -> Vec<String> {
        vec!["account".to_owned()]
    }

    fn slices(&self) -> Option<Range<u16>> {
        Some(SLICES)
    }

    async fn handle(&self, event: &Recorded<Incoming>) -> Result<(), ConsumeError> {
        let Incoming::Deposited { cents } = event.data;
        self.told.send((event.stream.to_string(), cents)).map_err(ConsumeError::retry)
    }
}

async fn write(annals: &Annals, stream: &StreamId, event: AccountEvent) {
    let event = NewEvent::of(&event).expect("it can be written");
    let append = Append::to(stream.clone(), ExpectedVersion::Any, vec![event]);
    annals.append(append).await.expect("it is appended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn type_category_and_slice() {
    Home::each(async |home| {
        let program = home.program().await.start().await.expect("it starts");
        let mut expected = Vec::new();
        for id in 0..40 {
            for category in ["account", "savings"] {
                let stream = StreamId::parse(format!("{category}-{id}")).expect("a stream's name");
                write(&program, &stream, AccountEvent::Opened { owner: "Ann".into() }).await;
                write(&program, &stream, AccountEvent::Deposited { cents: id }).await;
                if category == "account" && SLICES.contains(&stream.slice().get()) {
                    expected.push((stream.to_string(), id));
                }
            }
        }
        expected.sort();
        assert!((10..30).contains(&expected.len()), "{expected:?}");
        let (told, mut tells) = mpsc::unbounded_channel();
        let subscribed = home.program().await.subscriber(Choosing { told });
        let subscribed = subscribed.engine_options(quick()).start().await.expect("it starts");
        let store = home.store().await;
        let head = store.head().await.expect("it can be read");
        loop {
            let status = ops::consumer(&*store, "choosing").await.expect("it can be read");
            if status.is_some_and(|status| status.position == head) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        subscribed.shutdown().await;
        program.shutdown().await;
        let mut heard = Vec::new();
        while let Ok(one) = tells.try_recv() {
            heard.push(one);
        }
        heard.sort();
        assert_eq!(heard, expected, "{}", home.name());
    })
    .await;
}
