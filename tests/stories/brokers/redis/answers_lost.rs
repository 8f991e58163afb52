//! The network loses what the server says.

use annals_tests::servers::Proxy;

use super::*;

async fn through(proxy: &Proxy) -> RedisOptions {
    RedisOptions::new(format!("redis://{}", proxy.address())).answer_within(Duration::from_secs(3))
}

/// The connection breaks after the server has taken a message: it is in doubt, and stored once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_in_doubt() {
    let server = Redis::start().await;
    let proxy = Proxy::to(server.address()).await;
    let publisher = publisher(through(&proxy).await).await;
    send(&publisher, "orders", &messages(1..=1)).await;
    let lost = proxy.cut_reply_to("order-1-2");
    let to = Address::new("orders");
    let doubt = publisher.publish(&to, &message("order-1", 2)).await.unwrap_err();
    assert!(matches!(doubt, PublishError::InDoubt { .. }), "{doubt:?}");
    within(lost).await.expect("the answer was lost");
    assert_eq!(publisher.publish(&to, &message("order-1", 2)).await.unwrap(), Published::Repeated);
    assert_eq!(length(&server.url(), "orders").await, 2);
}

/// A connection that is half open: within the limit it is given up, and the next message has another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_connection_is_given_up() {
    let server = Redis::start().await;
    let proxy = Proxy::to(server.address()).await;
    let publisher = publisher(through(&proxy).await).await;
    let url = format!("redis://{}", proxy.address());
    let mut receiver = receiver(&url, "orders").await;
    send(&publisher, "orders", &messages(1..=1)).await;
    assert_eq!(take(&mut *receiver, 1).await, messages(1..=1));
    proxy.forsake();
    let to = Address::new("orders");
    let doubt = within(publisher.publish(&to, &message("order-1", 2))).await.unwrap_err();
    assert!(matches!(doubt, PublishError::InDoubt { .. }), "{doubt:?}");
    send(&publisher, "orders", &messages(2..=3)).await;
    receiver_down(within(receiver.receive(10)).await);
    assert_eq!(take(&mut *receiver, 3).await, messages(1..=3), "the first was not acknowledged");
}

/// The answer to a read is lost: what the server had delivered with it comes again, in its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_answer_had_comes_again() {
    let server = Redis::start().await;
    let proxy = Proxy::to(server.address()).await;
    let url = format!("redis://{}", proxy.address());
    let publisher = publisher(RedisOptions::new(server.url())).await;
    send(&publisher, "orders", &messages(1..=3)).await;
    let mut receiver = receiver(&url, "orders").await;
    let lost = proxy.cut_reply_to(GROUP);
    receiver_down(within(receiver.receive(2)).await);
    within(lost).await.expect("the answer was lost");
    assert_eq!(take(&mut *receiver, 3).await, messages(1..=3));
    let lost = proxy.cut_reply_to(GROUP);
    receiver_down(within(receiver.acknowledge(2)).await);
    within(lost).await.expect("the answer was lost");
    // It has arrived, or it is said again: both are the same.
    assert_eq!(take(&mut *receiver, 1).await, messages(3..=3));
    nothing(&mut *receiver).await;
}

/// The answer to a take-over is lost: whoever opens again has everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_a_take_over_takes_nothing_away() {
    let server = Redis::start().await;
    let proxy = Proxy::to(server.address()).await;
    let url = format!("redis://{}", proxy.address());
    let publisher = publisher(RedisOptions::new(server.url())).await;
    send(&publisher, "orders", &messages(1..=3)).await;
    let mut first = receiver(&server.url(), "orders").await;
    assert_eq!(take(&mut *first, 2).await, messages(1..=2));
    let source = source(&url, &["orders"]).await;
    let lost = proxy.cut_reply_to(GROUP);
    assert!(matches!(within(source.open(GROUP, WHOLE)).await, Err(ReceiveError::Down { .. })));
    within(lost).await.expect("the answer was lost");
    let mut second = within(source.open(GROUP, WHOLE)).await.unwrap();
    assert_eq!(take(&mut *second, 3).await, messages(1..=3));
    receiver_down(within(first.receive(10)).await);
}
