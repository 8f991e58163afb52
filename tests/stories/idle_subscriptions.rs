//! A subscription that has nothing to read looks now and then, however it is waited for, and whatever
//! it is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::store::{EventStore, LogFilter, Store};
use annals::{ExpectedVersion, MemoryStore, NewEvent, Payload, Position, Subscription};
use annals_testkit::{FaultyStore, Operation};
use annals_tests::writer::stream;

fn append() -> annals::store::Append {
    let event = NewEvent::raw("sample.happened", 1, Payload::from_stored("{}"));
    annals::store::Append::to(stream("account", "1"), ExpectedVersion::Any, vec![event])
}

/// Cancelling the waiting, as `select!` does, does not begin it anew.
#[tokio::test]
async fn an_idle_subscription_looks_once_a_second() {
    let store = Arc::new(FaultyStore::new(Arc::new(MemoryStore::default())));
    store.append(append()).await.expect("the store is empty");
    let shared: Arc<dyn Store> = store.clone();
    let mut subscription = Subscription::new(shared, LogFilter::default(), Position::START);
    subscription.next().await.expect("there is an event");
    let wait = async |subscription: &mut Subscription, times: u32| {
        for _ in 0..times {
            let idle = tokio::time::timeout(Duration::from_millis(100), subscription.next()).await;
            assert!(idle.is_err(), "there is nothing more");
        }
    };
    // 5, 10, 20, … ms apart until it is a second.
    wait(&mut subscription, 16).await;
    store.faults().reset_calls();
    // Time has to pass.
    let began = Instant::now();
    wait(&mut subscription, 20).await;
    let looks = store.faults().calls(Operation::ReadLog);
    assert!(looks <= began.elapsed().as_secs() + 2, "{looks} looks in {:?}", began.elapsed());
    // A hint is followed at once.
    store.append(append()).await.expect("nothing is expected");
    let page = subscription.next().await.expect("there is an event");
    assert_eq!(page.next, Position::new(2));
}
