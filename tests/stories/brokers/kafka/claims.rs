//! An old receiver that comes back.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_receiver_moves_nothing() {
    let (url, topic) = topic("old", 1).await;
    let publisher = publisher(&url).await;
    let sent = messages(1..=10);
    send(&publisher, &topic, &sent).await;
    // They are of two processes, which know nothing of each other.
    let mut old = receiver(&url, &topic).await;
    let (_, last) = take(&mut *old, 10).await;
    let mut new = receiver(&url, &topic).await;
    let (came, _) = take(&mut *new, 10).await;
    assert_eq!(came, sent, "all of it comes again");
    new.acknowledge(3).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 3).await;

    // It may not know yet.
    let _ = old.acknowledge(last).await;
    let told = within(old.receive(1)).await.expect_err("it is told");
    assert!(matches!(told, ReceiveError::Down { .. }), "{told:?}");
    assert!(told.to_string().contains("somebody else receives"), "{told}");
    assert!(old.acknowledge(last).await.is_err());
    assert!(within(old.receive(1)).await.is_err(), "it stays so");
    drop(old);
    assert_eq!(committed(&url, &topic, 0).await.0, Some(3));

    // Whoever has it goes on.
    new.acknowledge(5).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 5).await;
    drop(new);
    let mut next = receiver(&url, &topic).await;
    assert_eq!(take(&mut *next, 5).await.0, sent[5..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_old_receiver_has_written_at_the_last_moment_is_put_right() {
    let (url, topic) = topic("last_moment", 1).await;
    let publisher = publisher(&url).await;
    send(&publisher, &topic, &messages(1..=10)).await;
    let old = receiver(&url, &topic).await;
    let (offset, claim_of_old) = committed(&url, &topic, 0).await;
    assert_eq!(offset, Some(0));
    let mut new = receiver(&url, &topic).await;
    take(&mut *new, 10).await;
    // As if it had looked before the new one came, and had written after that.
    write_as(&url, &topic, 9, &claim_of_old).await;
    assert_eq!(committed(&url, &topic, 0).await.0, Some(9));
    new.acknowledge(4).await.expect("the server is there");
    wait_for_offset(&url, &topic, 0, 4).await;
    drop((old, new));
    assert_eq!(committed(&url, &topic, 0).await.0, Some(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_with_members_is_not_ours() {
    let (url, topic) = topic("members", 1).await;
    let config =
        plain(&url).set("group.id", "members").set("auto.offset.reset", "earliest").clone();
    send(&publisher(&url).await, &topic, &messages(1..=1)).await;
    let member: rdkafka::consumer::StreamConsumer = config.create().expect("a client");
    member.subscribe(&[&topic]).expect("a topic");
    within(member.recv()).await.expect("it is a member");
    let opened = within(source(&url, &[&topic]).await.open("members", WHOLE)).await;
    let error = opened.err().expect("it has members");
    assert!(matches!(&error, ReceiveError::Missing { .. }), "{error:?}");
    assert!(error.to_string().contains("members of the group `members`"), "{error}");
    tokio::task::spawn_blocking(move || drop(member)).await.expect("no panic");
}

async fn write_as(url: &str, topic: &str, offset: i64, claim: &str) {
    let (config, topic) = (plain(url).set("group.id", GROUP).clone(), topic.to_owned());
    let claim = claim.to_owned();
    let set = move || {
        let consumer: BaseConsumer = config.create().expect("a client");
        let mut list = TopicPartitionList::new();
        let mut entry = list.add_partition(&topic, 0);
        entry.set_offset(Offset::Offset(offset)).expect("an offset");
        entry.set_metadata(claim);
        consumer.commit(&list, CommitMode::Sync).expect("the server takes it");
    };
    tokio::task::spawn_blocking(set).await.expect("no panic");
}
