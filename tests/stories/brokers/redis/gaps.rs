//! Entries are trimmed away before a group is done with them.

use super::*;

async fn gap(receiver: &mut dyn Receiver) -> String {
    match within(receiver.receive(100)).await {
        Err(ReceiveError::Gap { why }) => why,
        other => panic!("a gap is told: {other:?}"),
    }
}

/// Messages that a slow consumer never had are missed once, and then it goes on behind them.
#[tokio::test]
async fn what_a_group_never_had_is_told_once() {
    let url = Redis::shared().await;
    let stream = fresh_name("missed");
    let publisher = publisher(RedisOptions::new(&url)).await;
    send(&publisher, &stream, &messages(1..=20)).await;
    let mut receiver = receiver(&url, &stream).await;
    assert_eq!(take(&mut *receiver, 4).await, messages(1..=4));
    within(receiver.acknowledge(4)).await.unwrap();
    ask(&url, &["XTRIM", &stream, "MAXLEN", "9"]).await;
    let why = gap(&mut *receiver).await;
    assert!(why.contains("7 that it never had"), "{why}");
    assert!(why.contains(&stream) && why.contains("`billing`"), "{why}");
    assert_eq!(take(&mut *receiver, 9).await, messages(12..=20));
    within(receiver.acknowledge(13)).await.unwrap();
    // What was had before is trimmed without a word.
    ask(&url, &["XTRIM", &stream, "MAXLEN", "0"]).await;
    nothing(&mut *receiver).await;
    send(&publisher, &stream, &messages(21..=22)).await;
    assert_eq!(take(&mut *receiver, 2).await, messages(21..=22));
    drop(receiver);
    let mut next = super::receiver(&url, &stream).await;
    assert_eq!(take(&mut *next, 2).await, messages(21..=22));
}

/// Messages that were delivered to a process that is gone, and trimmed since, are told to the next; also when
/// that one goes away before it has said so.
#[tokio::test]
async fn what_was_not_acknowledged_and_is_gone_is_told() {
    let url = Redis::shared().await;
    let stream = fresh_name("lost");
    let publisher = publisher(RedisOptions::new(&url)).await;
    send(&publisher, &stream, &messages(1..=10)).await;
    let mut first = receiver(&url, &stream).await;
    assert_eq!(take(&mut *first, 6).await, messages(1..=6));
    within(first.acknowledge(2)).await.unwrap();
    drop(first);
    ask(&url, &["XTRIM", &stream, "MAXLEN", "3"]).await;
    for _ in 0..2 {
        let mut silent = receiver(&url, &stream).await;
        let why = gap(&mut *silent).await;
        assert!(why.contains("4 that it had received and not acknowledged"), "{why}");
        assert!(why.contains("1 that it never had"), "{why}");
    }
    let mut last = receiver(&url, &stream).await;
    gap(&mut *last).await;
    assert_eq!(take(&mut *last, 3).await, messages(8..=10));
    within(last.acknowledge(3)).await.unwrap();
    drop(last);
    let mut after = receiver(&url, &stream).await;
    nothing(&mut *after).await;
    send(&publisher, &stream, &messages(11..=11)).await;
    assert_eq!(take(&mut *after, 1).await, messages(11..=11));
}

/// Some of what comes again was deleted: it is told in its place.
#[tokio::test]
async fn a_gap_is_told_where_it_is() {
    let url = Redis::shared().await;
    let stream = fresh_name("deleted");
    let mut receiver = receiver(&url, &stream).await;
    for number in 1..=5 {
        ask(&url, &["XADD", &stream, &format!("{number}-0"), "body", &number.to_string()]).await;
    }
    let bodies = |came: Vec<Message>| -> Vec<String> {
        came.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect()
    };
    assert_eq!(bodies(take(&mut *receiver, 5).await), ["1", "2", "3", "4", "5"]);
    ask(&url, &["XDEL", &stream, "3-0"]).await;
    let mut next = super::receiver(&url, &stream).await;
    assert_eq!(bodies(take(&mut *next, 2).await), ["1", "2"]);
    let why = gap(&mut *next).await;
    assert!(why.contains("1 that it had received and not acknowledged (3-0 to 3-0)"), "{why}");
    assert_eq!(bodies(take(&mut *next, 2).await), ["4", "5"]);
    nothing(&mut *next).await;
}

/// A new group is not told of what went away before it was made, and then of all that goes.
#[tokio::test]
async fn a_new_group_has_no_gap_before_it() {
    let url = Redis::shared().await;
    let stream = fresh_name("before");
    let publisher = publisher(RedisOptions::new(&url)).await;
    send(&publisher, &stream, &messages(1..=20)).await;
    ask(&url, &["XTRIM", &stream, "MAXLEN", "10"]).await;
    let mut receiver = receiver(&url, &stream).await;
    ask(&url, &["XTRIM", &stream, "MAXLEN", "8"]).await;
    let why = gap(&mut *receiver).await;
    assert!(why.contains("2 that it never had"), "{why}");
    assert_eq!(take(&mut *receiver, 8).await, messages(13..=20));
}

/// Somebody deletes the group: that is told once, and it goes on behind what was acknowledged.
#[tokio::test]
async fn a_group_that_was_deleted_goes_on() {
    let url = Redis::shared().await;
    let stream = fresh_name("group");
    let publisher = publisher(RedisOptions::new(&url)).await;
    send(&publisher, &stream, &messages(1..=6)).await;
    let mut receiver = receiver(&url, &stream).await;
    assert_eq!(take(&mut *receiver, 4).await, messages(1..=4));
    within(receiver.acknowledge(2)).await.unwrap();
    ask(&url, &["XGROUP", "DESTROY", &stream, GROUP]).await;
    let why = gap(&mut *receiver).await;
    assert!(why.contains("the group `billing` was deleted"), "{why}");
    assert_eq!(take(&mut *receiver, 4).await, messages(3..=6));
    nothing(&mut *receiver).await;
}
