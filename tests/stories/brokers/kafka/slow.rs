//! Consumers that do not keep up. What they hold is measured by the suite, in a process of its own.

use super::*;

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
