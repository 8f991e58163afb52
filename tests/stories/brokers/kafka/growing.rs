//! Topics that get more partitions, and where a group begins.

use annals::outbox::kafka::KafkaStart;
use rdkafka::admin::NewPartitions;

use super::*;

async fn grow(url: &str, topic: &str, partitions: usize) {
    let new = NewPartitions::new(topic, partitions);
    let limits = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let grown = admin(url).create_partitions([&new], &limits).await.expect("the server is there");
    grown[0].as_ref().expect("the topic grows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_partitions_are_noticed() {
    let (url, topic) = topic("growing", 1).await;
    // Those that come later are read from their beginning all the same.
    let options = options(&url).start(KafkaStart::Latest);
    let options = options.look_for_partitions_every(Duration::from_millis(300));
    let source = KafkaSource::connect(options, [&*topic]).await.expect("good options");
    let mut even = within(source.open(GROUP, Part { index: 0, of: 2 })).await.expect("it is there");
    let mut odd = within(source.open(GROUP, Part { index: 1, of: 2 })).await.expect("it is there");
    grow(&url, &topic, 8).await;
    let publisher = publisher(&url).await;
    for number in 0..40 {
        send(&publisher, &topic, &[message(&format!("order-{number}"), number)]).await;
    }
    let mut keys = std::collections::BTreeSet::new();
    let mut of_odd = 0;
    within(async {
        while keys.len() < 40 {
            let received = tokio::select! {
                received = even.receive(10) => received,
                received = odd.receive(10) => received.inspect(|received| of_odd += received.len()),
            };
            keys.extend(received.expect("it is there").into_iter().map(|got| got.message.key));
        }
    })
    .await;
    assert!((1..40).contains(&of_odd), "{of_odd}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_begins_at_the_end_begins_there_with_all_its_parts() {
    let (url, topic) = topic("latest", 4).await;
    let publisher = publisher(&url).await;
    let send_to_all = async |from: usize| {
        for number in from..from + 20 {
            send(&publisher, &topic, &[message(&format!("order-{number}"), number)]).await;
        }
    };
    send_to_all(0).await;
    let options = options(&url).start(KafkaStart::Latest);
    let source = KafkaSource::connect(options, [&*topic]).await.expect("good options");
    let mut first =
        within(source.open(GROUP, Part { index: 0, of: 2 })).await.expect("it is there");
    send_to_all(20).await;
    // It opens later, and begins where the group began.
    let mut second =
        within(source.open(GROUP, Part { index: 1, of: 2 })).await.expect("it is there");
    let mut keys = std::collections::BTreeSet::new();
    within(async {
        while keys.len() < 20 {
            let received = tokio::select! {
                received = first.receive(10) => received,
                received = second.receive(10) => received,
            };
            keys.extend(received.expect("it is there").into_iter().map(|got| got.message.key));
        }
    })
    .await;
    assert!(keys.iter().all(|key| key.len() == "order-20".len()), "{keys:?}");
    assert!((20..40).all(|number| keys.contains(&format!("order-{number}"))), "{keys:?}");
}
