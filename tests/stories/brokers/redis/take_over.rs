//! Another process goes on with a part while the first one still believes that it has it.

use super::*;

/// The first waits for messages: what comes goes to the second, and the first moves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_receiver_moves_nothing() {
    let url = Redis::shared().await;
    let stream = fresh_name("fenced");
    let publisher = publisher(RedisOptions::new(&url)).await;
    let sent = messages(1..=10);
    send(&publisher, &stream, &sent[..6]).await;
    let mut old = receiver(&url, &stream).await;
    assert_eq!(take(&mut *old, 6).await, sent[..6]);
    within(old.acknowledge(2)).await.unwrap();
    let waiting = tokio::spawn(async move {
        let told = old.receive(10).await;
        (old, told)
    });
    let mut new = receiver(&url, &stream).await;
    assert_eq!(take(&mut *new, 4).await, sent[2..6], "before anything newer");
    send(&publisher, &stream, &sent[6..]).await;
    let (mut old, told) = within(waiting).await.expect("no panic");
    assert!(receiver_down(told).contains("another process receives"));
    assert!(receiver_down(within(old.acknowledge(6)).await).contains("another process receives"));
    receiver_down(within(old.receive(10)).await);
    assert_eq!(take(&mut *new, 4).await, sent[6..], "the old one has taken none of them");
    within(new.acknowledge(1)).await.unwrap();
    drop(old);
    drop(new);
    let mut third = receiver(&url, &stream).await;
    assert_eq!(take(&mut *third, 7).await, sent[3..]);
}

/// A client that reads as plain consumers do has left entries: they come first.
#[tokio::test]
async fn what_other_consumers_have_left_comes_first() {
    let url = Redis::shared().await;
    let stream = fresh_name("left");
    let publisher = publisher(RedisOptions::new(&url)).await;
    send(&publisher, &stream, &messages(1..=5)).await;
    ask(&url, &["XGROUP", "CREATE", &stream, GROUP, "0"]).await;
    for (consumer, count) in [("one", "1"), ("two", "2")] {
        ask(
            &url,
            &["XREADGROUP", "GROUP", GROUP, consumer, "COUNT", count, "STREAMS", &stream, ">"],
        )
        .await;
    }
    let mut receiver = receiver(&url, &stream).await;
    assert_eq!(take(&mut *receiver, 5).await, messages(1..=5));
    within(receiver.acknowledge(5)).await.unwrap();
    let pending = ask(&url, &["XPENDING", &stream, GROUP, "-", "+", "10"]).await;
    assert_eq!(pending, Value::Array(Vec::new()));
}

/// The clock of the server goes back: who comes later is the newer one all the same.
#[tokio::test]
async fn who_comes_later_is_newer_whatever_the_clock_says() {
    let url = Redis::shared().await;
    let stream = fresh_name("clock");
    let publisher = publisher(RedisOptions::new(&url)).await;
    send(&publisher, &stream, &messages(1..=2)).await;
    ask(&url, &["XGROUP", "CREATE", &stream, GROUP, "0"]).await;
    ask(&url, &["XGROUP", "CREATECONSUMER", &stream, GROUP, "receiver-4000000000000000"]).await;
    let mut first = receiver(&url, &stream).await;
    let mut second = receiver(&url, &stream).await;
    receiver_down(within(first.receive(1)).await);
    assert_eq!(take(&mut *second, 2).await, messages(1..=2));
}

/// A replica without the last second becomes the primary: who received goes on, because nobody is newer.
#[tokio::test]
async fn a_receiver_that_was_forgotten_goes_on() {
    let url = Redis::shared().await;
    let stream = fresh_name("forgotten");
    let publisher = publisher(RedisOptions::new(&url)).await;
    send(&publisher, &stream, &messages(1..=2)).await;
    let mut receiver = receiver(&url, &stream).await;
    assert_eq!(take(&mut *receiver, 1).await, messages(1..=1));
    let consumers = ask(&url, &["XINFO", "CONSUMERS", &stream, GROUP]).await;
    let shown = format!("{consumers:?}");
    let place = shown.find("receiver-").expect("it is among the consumers");
    ask(&url, &["XGROUP", "DELCONSUMER", &stream, GROUP, &shown[place..place + 25]]).await;
    let older = "receiver-1000000000000000";
    ask(&url, &["XGROUP", "CREATECONSUMER", &stream, GROUP, older]).await;
    assert_eq!(take(&mut *receiver, 1).await, messages(2..=2));
    within(receiver.acknowledge(2)).await.unwrap();
}
