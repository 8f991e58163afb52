//! Programs without the inline projection append, too: whoever waits for a position sees them, and
//! nobody's append pays for a hundred thousand of them.

use std::time::Duration;

use annals::{ErrorKind, ReadError};
use annals_tests::bank::Account;

use crate::homes::{Home, counter, deposit, quick};

counter!(seen: "seen", "seen", version 1, n += 1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_that_was_waited_for_is_there() {
    Home::each(|home| async move {
        let web = home.program().await.project_inline(seen::P).engine_options(quick());
        let web = web.start().await.unwrap();
        let worker = home.program().await.start().await.unwrap();
        deposit(&web, 1, 1).await;
        for n in 1..=20 {
            let position = deposit(&worker, 1, 1).await;
            let row = web.read::<seen::Row>().after(position).get(&1).await.unwrap().unwrap();
            assert_eq!(row.n, 1 + n, "{}", home.name());
            web.wait_for(position, Duration::from_secs(20)).await.unwrap();
        }

        // Nobody looks after it any more: it is behind, and says so at once.
        web.shutdown().await;
        let position = deposit(&worker, 1, 3).await;
        let status = web.status().await.unwrap().remove(0);
        assert_eq!(status.lag_events, 3);
        let begun = std::time::Instant::now();
        let read = web.read::<seen::Row>().timeout(Duration::from_secs(50)).after(position);
        let ReadError::Wait(error) = read.get(&1).await.unwrap_err() else { panic!() };
        assert!(error.to_string().contains("stopped"), "{error}");
        assert!(error.waited <= begun.elapsed() && begun.elapsed() < Duration::from_secs(20));
    })
    .await;
}

counter!(old: "rolling", "rolling", version 1, n += 1);
counter!(new: "rolling", "rolling", version 2, n += 10);

/// The old program goes on appending after the new one has taken over: its events are taken in by
/// the new one, and both see them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_deployment() {
    Home::each(|home| async move {
        let old = home.program().await.project_inline(old::P).engine_options(quick());
        let old = old.start().await.unwrap();
        deposit(&old, 1, 5).await;
        let new = home.program().await.project_inline(new::P).engine_options(quick());
        let new = new.start().await.unwrap();
        for n in 6..10 {
            let position = deposit(&old, 1, 1).await;
            let read = new.read::<new::Row>().timeout(Duration::from_secs(20)).after(position);
            assert_eq!(read.get(&1).await.unwrap().unwrap().n, 10 * n, "{}", home.name());
            let read = old.read::<old::Row>().timeout(Duration::from_secs(20)).after(position);
            assert_eq!(read.get(&1).await.unwrap().unwrap().n, 10 * n, "{}", home.name());
        }
        new.shutdown().await;
        old.shutdown().await;
    })
    .await;
}

counter!(bulk: "bulk", "bulk", version 1, n += 1);

/// More than an append takes in by itself. It is refused for a moment, and never waits for all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_does_not_take_in_a_whole_import() {
    Home::each(|home| async move {
        let web = home.program().await.project_inline(bulk::P).start().await.unwrap();
        let worker = home.program().await.start().await.unwrap();
        for _ in 0..3 {
            deposit(&worker, 1, 9_000).await;
        }
        let position = loop {
            match web.execute(&2, |account: &Account| account.deposit(1)).await {
                Ok(receipt) => break receipt.position,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
                    assert!(error.to_string().contains("try again"), "{error}");
                }
            }
            tokio::task::yield_now().await;
        };
        let read = || web.read::<bulk::Row>().after(position).timeout(Duration::from_secs(50));
        assert_eq!(read().get(&1).await.unwrap().unwrap().n, 27_000, "{}", home.name());
        assert_eq!(read().get(&2).await.unwrap().unwrap().n, 2);
        assert_eq!(web.log().head().await.unwrap(), position);
        web.shutdown().await;
    })
    .await;
}
