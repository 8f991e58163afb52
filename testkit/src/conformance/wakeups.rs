//! Hints that the log has grown: they may be lost, but in one process they come.

use std::time::{Duration, Instant};

use annals_core::Position;

use super::Subject;
use super::samples::put;

/// Long enough that only a hint ends the waiting.
const LONG: Duration = Duration::from_secs(30);

/// Who waits is woken long before its time.
pub async fn an_append_wakes(subject: Subject) {
    let mut wakeups = subject.store.wakeups();
    let waiting = tokio::spawn(async move {
        let began = Instant::now();
        wakeups.beyond(Position::START, LONG).await;
        began.elapsed()
    });
    put(&*subject.store, "account-1", 1).await;
    assert!(waiting.await.expect("no panic") < LONG, "the hint came");
}

/// Who is behind need not wait.
pub async fn what_is_known_does_not_wait(subject: Subject) {
    let mut wakeups = subject.store.wakeups();
    put(&*subject.store, "account-1", 3).await;
    let began = Instant::now();
    wakeups.beyond(Position::new(2), LONG).await;
    assert!(began.elapsed() < LONG);
}

/// Without an append the waiting ends by itself.
pub async fn without_news_time_passes(subject: Subject) {
    put(&*subject.store, "account-1", 3).await;
    let mut wakeups = subject.store.wakeups();
    let began = Instant::now();
    wakeups.beyond(Position::new(3), Duration::from_millis(20)).await;
    assert!(began.elapsed() >= Duration::from_millis(20));
}
