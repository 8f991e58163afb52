//! What was not acknowledged comes again, and nothing else does.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_acknowledged_comes_again_in_order() {
    let (url, topic) = topic("again", 1).await;
    let publisher = publisher(&url).await;
    let sent = messages(1..=10);
    send(&publisher, &topic, &sent).await;
    let source = source(&url, &[&topic]).await;

    let mut first = within(source.open(GROUP, WHOLE)).await.expect("the topic is there");
    let (came, last) = take(&mut *first, 6).await;
    assert_eq!((&came[..], last), (&sent[..6], 6));
    first.acknowledge(4).await.expect("the server is there");
    // It is gone before its acknowledgement is written.
    drop(first);
    send(&publisher, &topic, &messages(11..=11)).await;

    let mut second = within(source.open(GROUP, WHOLE)).await.expect("the topic is there");
    let (came, last) = take(&mut *second, 7).await;
    assert_eq!((&came[..6], last), (&sent[4..], 7), "numbers begin anew");
    second.acknowledge(7).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 11).await;
    nothing(&mut *second).await;
    drop(second);
    let mut third = within(source.open(GROUP, WHOLE)).await.expect("the topic is there");
    nothing(&mut *third).await;

    // Another group has had nothing.
    let mut other = within(source.open("shipping", WHOLE)).await.expect("the topic is there");
    assert_eq!(take(&mut *other, 11).await.0[..10], sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_lose_nothing() {
    let (url, topic) = topic("given_up", 2).await;
    let publisher = publisher(&url).await;
    let mut receiver = receiver(&url, &topic).await;
    let sending = async {
        for number in 1..=200 {
            send(&publisher, &topic, &[message("order-1", number)]).await;
        }
    };
    let receiving = async {
        let mut came = Vec::new();
        while came.len() < 200 {
            let call = tokio::time::timeout(Duration::from_millis(1), receiver.receive(3));
            if let Ok(received) = call.await {
                let received = received.expect("the server is there");
                assert!((1..=3).contains(&received.len()));
                came.extend(received);
            }
        }
        came
    };
    let ((), came) = within(async { tokio::join!(sending, receiving) }).await;
    let numbers: Vec<u64> = came.iter().map(|received| received.number).collect();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    let bodies = came.iter().map(|received| received.message.body.clone());
    assert!(bodies.eq((1..=200).map(|number: usize| number.to_string())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_share_the_partitions_of_several_topics() {
    let (url, one) = topic("parts_one", 4).await;
    let (_, other) = topic("parts_other", 4).await;
    let publisher = publisher(&url).await;
    for number in 0..40 {
        let message = message(&format!("order-{number}"), number);
        send(&publisher, &one, std::slice::from_ref(&message)).await;
        send(&publisher, &other, &[message]).await;
    }
    let source = source(&url, &[&one, &other]).await;
    assert_eq!(source.origin(), format!("{one}, {other}"));
    let mut keys = Vec::new();
    for index in 0..3 {
        let part = Part { index, of: 3 };
        let mut receiver = within(source.open(GROUP, part)).await.expect("the topics are there");
        let mut came = BTreeMap::<String, usize>::new();
        // A part has what is there at once: the others' keys never come.
        let silence = Duration::from_secs(2);
        while let Ok(received) = tokio::time::timeout(silence, receiver.receive(100)).await {
            for received in received.expect("the server is there") {
                *came.entry(received.message.key).or_default() += 1;
            }
        }
        assert!(came.values().all(|count| *count == 2), "a key has one part, in both topics");
        keys.extend(came.into_keys());
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 40);
    // Parts without a lane wait.
    let mut idle = within(source.open(GROUP, Part { index: 7, of: 9 })).await.expect("it opens");
    nothing(&mut *idle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sets_the_offset_of_a_group_at_work() {
    let (url, topic) = topic("reset", 1).await;
    let publisher = publisher(&url).await;
    let sent = messages(1..=6);
    send(&publisher, &topic, &sent).await;
    let mut receiver = receiver(&url, &topic).await;
    let (_, last) = take(&mut *receiver, 6).await;
    receiver.acknowledge(last).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 6).await;

    reset(&url, &topic, 0, 2).await;
    // It is noticed with the next commit.
    send(&publisher, &topic, &messages(7..=7)).await;
    let (_, last) = take(&mut *receiver, 1).await;
    receiver.acknowledge(last).await.expect("the server is there");
    let told = within(receiver.receive(10)).await.expect_err("it is told");
    assert!(told.to_string().contains("somebody has set the offset"), "{told}");
    let (came, last) = take(&mut *receiver, 5).await;
    assert_eq!(came[..4], sent[2..]);
    receiver.acknowledge(last).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_compress_is_read_or_told() {
    let url = Kafka::shared().await;
    let publisher = publisher(&url).await;
    for compression in ["gzip", "lz4", "snappy", "zstd"] {
        let topic = fresh_name(compression);
        make(&url, &topic, 1, &[("compression.type", compression)]).await;
        let mut sent = messages(1..=2);
        for message in &mut sent {
            message.body = vec![b'x'; 10_000].into();
        }
        send(&publisher, &topic, &sent).await;
        let mut receiver = receiver(&url, &topic).await;
        // Stories are built without it.
        if compression == "zstd" {
            let told = within(receiver.receive(10)).await.expect_err("it cannot be read");
            assert!(matches!(told, ReceiveError::Missing { .. }), "{told:?}");
            assert!(
                told.to_string().contains("the feature `zstd` of the crate `rdkafka`"),
                "{told}"
            );
        } else {
            assert_eq!(take(&mut *receiver, 2).await.0, sent, "{compression}");
        }
    }
}
