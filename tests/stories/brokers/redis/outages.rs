//! The server is gone, silent, or back.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;

use super::*;

fn short(url: &str) -> RedisOptions {
    let limit = Duration::from_secs(1);
    RedisOptions::new(url).answer_within(limit).connect_within(limit)
}

/// A server that is not there is told at once by everybody, and the same publisher goes on when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_goes_on_after_an_outage() {
    let mut server = Redis::start().await;
    let url = server.url();
    server.kill();
    let publisher = Arc::new(publisher(short(&url)).await);
    let to = Address::new("orders");
    down(&publisher.prepare(std::slice::from_ref(&to)).await.unwrap_err());
    let began = Instant::now();
    let waiting = (0..300).map(|number| {
        let (publisher, to) = (publisher.clone(), to.clone());
        async move { publisher.publish(&to, &message("order-1", number)).await }
    });
    for sent in within(join_all(waiting)).await {
        let told = down(&sent.unwrap_err());
        assert!(told.contains("is not reachable"), "{told}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "they share the attempt: {:?}",
        began.elapsed()
    );
    server.restart().await;
    send(&publisher, "orders", &messages(1..=3)).await;
    server.kill();
    let mut sent = publisher.publish(&to, &message("order-1", 4)).await;
    if matches!(sent, Err(PublishError::InDoubt { .. })) {
        // It was sent before the connection was seen to be broken.
        sent = publisher.publish(&to, &message("order-1", 4)).await;
    }
    down(&sent.unwrap_err());
    server.restart().await;
    send(&publisher, "orders", &messages(4..=6)).await;
    assert_eq!(length(&url, "orders").await, 6);
}

/// A server that is frozen: a message is in doubt within the limit, and stored once after all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_leaves_a_message_in_doubt() {
    let server = Redis::start().await;
    let publisher = publisher(short(&server.url())).await;
    let to = Address::new("orders");
    send(&publisher, "orders", &messages(1..=1)).await;
    server.freeze();
    let began = Instant::now();
    let doubt = publisher.publish(&to, &message("order-1", 2)).await.unwrap_err();
    assert!(matches!(doubt, PublishError::InDoubt { .. }), "{doubt:?}");
    let told = down(&publisher.publish(&to, &message("order-1", 2)).await.unwrap_err());
    assert!(told.contains("silent") || told.contains("no connection"), "{told}");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    server.thaw();
    let sent = within(publisher.publish(&to, &message("order-1", 2))).await.unwrap();
    send(&publisher, "orders", &messages(3..=3)).await;
    assert_eq!(length(&server.url(), "orders").await, 3, "it was {sent:?}");
}

/// Who waits for messages is told that the server is gone, each time; what was not acknowledged comes again
/// to the same receiver, and an acknowledgement that was made meanwhile counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_goes_on_after_an_outage() {
    let mut server = Redis::start().await;
    let publisher = publisher(short(&server.url())).await;
    let sent = messages(1..=12);
    send(&publisher, "orders", &sent[..10]).await;
    let mut receiver = receiver(&server.url(), "orders").await;
    assert_eq!(take(&mut *receiver, 10).await, sent[..10]);
    within(receiver.acknowledge(4)).await.unwrap();
    let stop = async {
        nothing_for_a_moment().await;
        server.kill();
    };
    let (told, ()) = within(async { tokio::join!(receiver.receive(10), stop) }).await;
    receiver_down(told);
    receiver_down(within(receiver.receive(10)).await);
    receiver_down(within(receiver.acknowledge(6)).await);
    server.restart().await;
    send(&publisher, "orders", &sent[10..]).await;
    let received = within(receiver.receive(100)).await.unwrap();
    assert_eq!(received[0].number, 11, "numbers go on");
    assert_eq!(only_messages(received), sent[6..]);
    within(receiver.acknowledge(16)).await.unwrap();
    drop(receiver);
    nothing(&mut *super::receiver(&server.url(), "orders").await).await;
}

async fn nothing_for_a_moment() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// A server that is frozen while somebody waits for messages: that is told within the limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_is_noticed_by_who_waits() {
    let server = Redis::start().await;
    let publisher = publisher(short(&server.url())).await;
    let mut receiver = receiver(&server.url(), "orders").await;
    nothing(&mut *receiver).await;
    server.freeze();
    let began = Instant::now();
    receiver_down(within(receiver.receive(10)).await);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    receiver_down(within(receiver.receive(10)).await);
    server.thaw();
    send(&publisher, "orders", &messages(1..=2)).await;
    assert_eq!(take(&mut *receiver, 2).await, messages(1..=2));
}

/// A source and its publisher are made while nobody is there, and opening says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_opens_after_an_outage() {
    let mut server = Redis::start().await;
    let url = server.url();
    server.kill();
    let source = source(&url, &["orders"]).await;
    match within(source.open(GROUP, WHOLE)).await {
        Err(ReceiveError::Down { .. }) => {}
        Err(error) => panic!("an outage is told as one: {error:?}"),
        Ok(_) => panic!("nobody is there"),
    }
    server.restart().await;
    within(source.open(GROUP, WHOLE)).await.unwrap();
}

/// A server that starts without its data: the group is gone, which is told once, and the same receiver goes
/// on with what is new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_lost_everything_is_told() {
    let mut server = Redis::start().await;
    let publisher = publisher(short(&server.url())).await;
    send(&publisher, "orders", &messages(1..=5)).await;
    let mut receiver = receiver(&server.url(), "orders").await;
    assert_eq!(take(&mut *receiver, 5).await, messages(1..=5));
    within(receiver.acknowledge(3)).await.unwrap();
    server.kill();
    std::fs::remove_dir_all(server.directory().join("data/appendonlydir")).unwrap();
    server.restart().await;
    send(&publisher, "orders", &messages(6..=7)).await;
    let mut told = within(receiver.receive(10)).await;
    while matches!(told, Err(ReceiveError::Down { .. })) {
        told = within(receiver.receive(10)).await;
    }
    let Err(ReceiveError::Gap { why }) = told else { panic!("the loss is told: {told:?}") };
    assert!(why.contains("the group `billing` was deleted"), "{why}");
    assert_eq!(take(&mut *receiver, 2).await, messages(6..=7));
    within(receiver.acknowledge(7)).await.unwrap();
}
