//! A call that is begun and then not polled, as in a `select!` whose other branch appends: nobody waits
//! for it, closing the store does not either, and polled again it comes to an honest end.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use annals::store::{Append, AppendHook, EventStore, StoreError, Transaction};
use annals::{ExpectedVersion, NewEvent, Payload, RecordedEvent};
use annals_tests::ledger::whole_log;
use annals_tests::writer::stream;

use super::place::Place;

const PATIENCE: Duration = Duration::from_secs(20);

/// How many polls a call gets before it is left alone: enough to be anywhere on its way.
const POLLS: usize = 8;

fn append(id: &str) -> Append {
    let event = NewEvent::raw("order.placed", 1, Payload::from_stored("{}"));
    Append::to(stream("order", id), ExpectedVersion::Any, vec![event])
}

/// Takes several statements, so that a transaction lies open between two polls.
struct Slow;

#[annals::async_trait]
impl AppendHook for Slow {
    async fn run(
        &self,
        events: &[RecordedEvent],
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        for n in 0..POLLS {
            transaction.put_state(&format!("slow-{n}"), &events[0].id.to_string()).await?;
        }
        Ok(())
    }
}

/// Polls at most so often, each time when there is something to do.
async fn polled<T>(
    times: usize,
    mut future: std::pin::Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    let mut left = times;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_with_a_hook_holds_nobody_up() {
    let place = Place::shared().await;
    let store = place.store().await;
    for polls in 0..POLLS {
        let mut one = append(&format!("kept-{polls}"));
        one.hooks.push(Arc::new(Slow));
        let mut kept = pin!(store.append(one));
        let ended = polled(polls, kept.as_mut()).await;
        let others = async {
            store.append(append("other")).await.expect("there are no expectations");
            store.append(append("other")).await.expect("there are no expectations");
        };
        let others = tokio::time::timeout(PATIENCE, others).await;
        others.unwrap_or_else(|_| panic!("others wait for a call after its poll {polls}"));
        let result = match ended {
            Some(result) => result,
            None => tokio::time::timeout(PATIENCE, kept).await.expect("it comes to its end"),
        };
        result.expect("the hook agrees");
    }
    assert_eq!(whole_log(&*store).await.len(), 3 * POLLS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_does_not_wait_for_it() {
    for polls in 0..4 {
        let place = Place::shared().await;
        let store = place.store().await;
        store.append(append("1")).await.expect("there are no expectations");
        let mut kept = pin!(store.append(append("2")));
        let ended = polled(polls, kept.as_mut()).await;
        let closed = tokio::time::timeout(PATIENCE, store.close()).await;
        closed.unwrap_or_else(|_| panic!("closing waits for a call after its poll {polls}"));
        let result = match ended {
            Some(result) => result,
            None => tokio::time::timeout(PATIENCE, kept).await.expect("it comes to its end"),
        };
        let there = whole_log(&*place.store().await).await.len() == 2;
        match result {
            Ok(_) => assert!(there, "acknowledged, and gone"),
            Err(StoreError::Closed) => assert!(!there, "written, and reported as refused"),
            Err(error) => assert!(error.may_have_written(), "{error:?}"),
        }
    }
}
