//! A notification that promises more than there is: anybody on the database may send one, and after a
//! fail-over that lost a tail it was true once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::store::{Append, EventStore, LogFilter, Store};
use annals::{ExpectedVersion, NewEvent, Payload, Position, Subscription};
use annals_testkit::{FaultyStore, Operation};
use annals_tests::writer::stream;

use super::crowd::PATIENCE;
use super::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_false_notice_costs_one_look() {
    let place = Place::shared().await;
    let store = place.store().await;
    let watched = Arc::new(FaultyStore::new(store.clone()));
    let shared: Arc<dyn Store> = watched.clone();
    let mut wakeups = store.wakeups();
    let mut subscription = Subscription::new(shared, LogFilter::default(), Position::START);

    let client = place.client().await;
    // Until somebody listens, nobody hears of it.
    let heard = async {
        while wakeups.beyond(Position::new(1_000), Duration::from_millis(50)).await.is_none() {
            let notice = format!("NOTIFY annals_{}, '1000000'", place.schema);
            client.batch_execute(&notice).await.expect("anybody may notify");
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("the store listens");
    let began = Instant::now();
    let idle = tokio::time::timeout(Duration::from_secs(1), subscription.next()).await;
    assert!(idle.is_err(), "the log is empty");
    let looks = watched.faults().calls(Operation::ReadLog);
    // 5, 10, 20, … ms apart.
    assert!(looks < 20, "{looks} looks in {:?}", began.elapsed());
    assert!(wakeups.known() < Position::new(1_000), "nobody else is told so either");

    let event = NewEvent::raw("sample.happened", 1, Payload::from_stored("{}"));
    let append = Append::to(stream("account", "1"), ExpectedVersion::Any, vec![event]);
    store.append(append).await.expect("the stream is new");
    let page = tokio::time::timeout(PATIENCE, subscription.next()).await;
    assert_eq!(page.expect("it comes").expect("it can be read").next, Position::new(1));
}
