//! Messages that are gone.

use super::*;

/// Throws away what comes before an offset, as retention does.
async fn throw_away(url: &str, topic: &str, before: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(before)).expect("an offset");
    let limits = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let gone = admin(url).delete_records(&list, &limits).await.expect("the server is there");
    gone.elements()[0].error().expect("they are gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_thrown_away_before_it_was_received_is_told_once() {
    let (url, topic) = topic("gap", 1).await;
    let publisher = publisher(&url).await;
    let sent = messages(0..=9);
    send(&publisher, &topic, &sent).await;
    let mut first = receiver(&url, &topic).await;
    take(&mut *first, 3).await;
    first.acknowledge(2).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 2).await;
    drop(first);
    throw_away(&url, &topic, 6).await;

    let mut second = receiver(&url, &topic).await;
    let told = within(second.receive(10)).await.expect_err("it is told");
    assert!(matches!(told, ReceiveError::Gap { .. }), "{told:?}");
    assert!(told.to_string().contains("the messages 2 to 5 of partition 0"), "{told}");
    assert_eq!(take(&mut *second, 4).await.0, sent[6..]);
    drop(second);
    let mut third = receiver(&url, &topic).await;
    assert_eq!(take(&mut *third, 4).await.0, sent[6..], "it was told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_thrown_away_under_a_slow_receiver_is_told_once() {
    let (url, topic) = topic("gap_at_work", 1).await;
    let publisher = publisher(&url).await;
    let mut receiver = receiver(&url, &topic).await;
    let filling = |numbers: std::ops::RangeInclusive<usize>| {
        let mut messages = messages(numbers);
        for message in &mut messages {
            message.body = vec![b'x'; 900_000].into();
        }
        messages
    };
    // More than it holds.
    send(&publisher, &topic, &filling(0..=59)).await;
    let (came, last) = take(&mut *receiver, 1).await;
    assert_eq!(came[0].id, "order-1-0");
    receiver.acknowledge(last).await.expect("the server is there");
    throw_away(&url, &topic, 58).await;
    let mut had = 1;
    let told = loop {
        match within(receiver.receive(10)).await {
            Ok(received) => had += received.len(),
            Err(told) => break told,
        }
    };
    assert!(matches!(told, ReceiveError::Gap { .. }), "{told:?}");
    assert!(told.to_string().contains("to 57 of partition 0"), "{told}");
    assert!(had < 55, "it does not hold {had} MB");
    let (came, _) = take(&mut *receiver, 2).await;
    assert_eq!(came[0].id, "order-1-58");
    nothing(&mut *receiver).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_anew_is_read_from_its_beginning() {
    let (url, topic) = topic("made_anew", 1).await;
    let publisher = publisher(&url).await;
    send(&publisher, &topic, &messages(0..=9)).await;
    let mut first = receiver(&url, &topic).await;
    take(&mut *first, 10).await;
    first.acknowledge(10).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 10).await;
    drop(first);
    reset(&url, &topic, 0, 400).await;

    let mut second = receiver(&url, &topic).await;
    let told = within(second.receive(10)).await.expect_err("it is told");
    assert!(matches!(told, ReceiveError::Gap { .. }), "{told:?}");
    assert!(told.to_string().contains("made anew"), "{told}");
    assert_eq!(take(&mut *second, 10).await.0, messages(0..=9));
}
