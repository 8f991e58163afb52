//! Consumers that do not keep up.

use super::*;

/// What this process holds, in MB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux tells it");
    let kb = line.split_whitespace().nth(1).and_then(|kb| kb.parse::<usize>().ok());
    kb.expect("a number") / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_consumer_holds_little() {
    let (url, topic) = topic("slow", 4).await;
    let publisher = publisher(&url).await;
    let to = Address::new(&topic);
    let sending = (0..400).map(|number| {
        let mut message = message(&format!("order-{number}"), number);
        message.body = vec![b'x'; 500_000].into();
        let (publisher, to) = (&publisher, &to);
        async move { publisher.publish(to, &message).await.expect("the server is there") }
    });
    within(futures_util::future::join_all(sending)).await;
    drop(publisher);

    let before = resident();
    let mut receiver = receiver(&url, &topic).await;
    let (mut came, mut most) = (0, 0);
    while came < 40 {
        came += take(&mut *receiver, 1).await.0.len();
        tokio::time::sleep(Duration::from_millis(100)).await;
        most = most.max(resident());
    }
    println!("{before} MB before, {most} MB at the most, of 200 MB");
    assert!(most < before + 64, "{before} MB before, {most} MB now");
    let mut last = 0;
    while came < 400 {
        let received = within(receiver.receive(400)).await.expect("the server is there");
        let bytes: usize = received.iter().map(|received| received.message.bytes()).sum();
        assert!(bytes < 32_000_000, "{bytes}");
        came += received.len();
        last = received.last().map_or(last, |received| received.number);
    }
    receiver.acknowledge(last).await.expect("the server is there");
}
