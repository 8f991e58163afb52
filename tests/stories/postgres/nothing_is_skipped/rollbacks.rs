//! Appends that are undone in the last moment leave no hole, and take no position with them.

use std::sync::Arc;

use annals::ExpectedVersion;
use annals::NewEvent;
use annals::Payload;
use annals::store::{Append, AppendHook, EventStore, StoreError, TransactExt, Transaction};
use annals_tests::ledger::Ledger;
use annals_tests::writer::stream;

use super::{Place, Story, Writers};

/// Says no after the events are written.
struct Refusing;

#[annals::async_trait]
impl AppendHook for Refusing {
    async fn run(
        &self,
        _events: &[annals::RecordedEvent],
        _transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        Err(StoreError::refused("the hook says no"))
    }
}

fn refused_append(number: usize) -> Append {
    let event = NewEvent::raw("sample.refused", 1, Payload::from_stored("{}"));
    let stream = stream("shared", &(number % 3).to_string());
    let mut append = Append::to(stream, ExpectedVersion::Any, vec![event]);
    append.hooks.push(Arc::new(Refusing));
    append
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_work_leaves_no_hole() {
    let story = Story::begin(Place::shared().await).await;
    let writers = Writers::start(std::slice::from_ref(&story.store), 8, 40, story.seed);
    let mut refused = Ledger::default();
    for number in 0..40 {
        let append = refused_append(number);
        let result = story.store.append(append.clone()).await;
        assert!(matches!(result, Err(StoreError::Refused { .. })), "{result:?}");
        refused.refuse(&append);
        let result = story.store.transact_with(|transaction| {
            Box::pin(async {
                transaction.put_state("half", "done").await?;
                Err::<(), _>(StoreError::refused("the work says no"))
            })
        });
        let result = result.await;
        assert!(matches!(result, Err(StoreError::Refused { .. })), "{result:?}");
    }
    let mut ledger = writers.finish().await;
    ledger.merge(refused);
    story.end(&ledger).await;
}
