//! Consumers that do not keep up. What they hold is measured by the suite, in a process of its own.

use super::*;

/// A handler may take as long as it likes: a source is no member of the group, so that neither
/// `session.timeout.ms` nor `max.poll.interval.ms` takes its partitions away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_handler_keeps_its_part() {
    const LIMIT: Duration = Duration::from_secs(4);
    let (url, topic) = topic("slow_handler", 1).await;
    let group = fresh_name("slow_handler");
    let sent = messages(1..=6);
    send(&publisher(&url).await, &topic, &sent[..3]).await;
    let hasty = options(&url).answer_within(LIMIT);
    let source = KafkaSource::connect(hasty, [&*topic]).await.expect("good options");
    let mut receiver = within(source.open(&group, WHOLE)).await.expect("the topic is there");
    let (came, last) = take(&mut *receiver, 3).await;
    assert_eq!(came, sent[..3]);
    send(&publisher(&url).await, &topic, &sent[3..]).await;
    // The handler, which asks for nothing meanwhile.
    tokio::time::sleep(2 * LIMIT).await;

    let (config, name) = (plain(&url), group.clone());
    let look = move || {
        let consumer: BaseConsumer = config.create().expect("a client");
        let list = consumer.fetch_group_list(Some(&name), PATIENCE).expect("the server is there");
        list.groups().iter().map(|group| group.members().len()).sum::<usize>()
    };
    let members = tokio::task::spawn_blocking(look).await.expect("no panic");
    assert_eq!(members, 0, "nobody has joined the group");

    receiver.acknowledge(last).await.expect("the server is there");
    let (came, last) = take(&mut *receiver, 3).await;
    assert_eq!(came, sent[3..], "it goes on, and nothing comes twice");
    receiver.acknowledge(last).await.expect("the server is there");
    drop(receiver);
    let mut next = within(source.open(&group, WHOLE)).await.expect("the topic is there");
    nothing(&mut *next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_hands_out_a_bounded_number_of_bytes() {
    let (url, topic) = topic("slow", 4).await;
    let publisher = publisher(&url).await;
    let to = Address::new(&topic);
    let sending = (0..200).map(|number| {
        let mut message = message(&format!("order-{number}"), number);
        message.body = vec![b'x'; 500_000].into();
        let (publisher, to) = (&publisher, &to);
        async move { publisher.publish(to, &message).await.expect("the server is there") }
    });
    within(futures_util::future::join_all(sending)).await;

    let mut receiver = receiver(&url, &topic).await;
    let mut came = 0;
    while came < 200 {
        let received = within(receiver.receive(400)).await.expect("the server is there");
        let bytes: usize = received.iter().map(|received| received.message.bytes()).sum();
        assert!(bytes < 32_000_000, "{bytes}");
        came += received.len();
    }
}
