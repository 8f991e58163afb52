//! Who is let in.

use annals_tests::brokers::{KafkaKind, Kind as _, Login};

use super::*;

fn login() -> Login {
    Login { user: "shop".to_owned(), password: "opensesame".to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_and_not_shown() {
    let server = Kafka::start_as(KafkaKind::plain().guarded_by(login())).await;
    let topic = fresh_name("guarded");
    let right = options(&server.url()).declare_topics(1, 1);
    let publisher = KafkaPublisher::connect(right).await.expect("good options");
    within(publisher.prepare(&[Address::new(&topic)])).await.expect("it lets us in");
    send(&publisher, &topic, &messages(1..=1)).await;
    let mut receiver = receiver(&server.url(), &topic).await;
    assert_eq!(take(&mut *receiver, 1).await.0, messages(1..=1));

    let wrong = server.url().replace("opensesame", "openbarley");
    let hasty = options(&wrong).publish_within(Duration::from_secs(6));
    let publisher = KafkaPublisher::connect(hasty).await.expect("good options");
    let begun = std::time::Instant::now();
    let prepared = publisher.prepare(&[Address::new(&topic)]).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "it need not try for long");
    let sent = publisher.publish(&Address::new(&topic), &message("order-1", 1)).await;
    let opened = source(&wrong, &[&topic]).await.open(GROUP, WHOLE).await;
    let said = [
        down(&prepared.expect_err("it does not let us in")),
        down(&sent.expect_err("it does not let us in")),
        opened.err().expect("it does not let us in").to_string(),
    ];
    for said in said {
        println!("{said}");
        assert!(said.contains("uthentication"), "{said}");
        assert!(!said.contains("openbarley"), "{said}");
    }
    assert!(!publisher.broker().contains("openbarley"));
    // It knows now, and does not try for long.
    let begun = std::time::Instant::now();
    let sent = publisher.publish(&Address::new(&topic), &message("order-1", 1)).await;
    down(&sent.expect_err("it does not let us in"));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

/// Stories are built without OpenSSL.
#[tokio::test]
async fn tls_says_which_feature_it_needs() {
    for url in ["kafkas://one", "kafka://shop:hidden@one?sasl=scram-sha-256"] {
        let refused = KafkaPublisher::connect(KafkaOptions::new(url)).await;
        let said = refused.err().expect("it is refused").to_string();
        assert!(said.contains("the feature `ssl` of the crate `rdkafka`"), "{said}");
        assert!(!said.contains("hidden"), "{said}");
        let refused = KafkaSource::connect(KafkaOptions::new(url), ["orders"]).await;
        let said = refused.err().expect("it is refused").to_string();
        assert!(said.contains("the feature `ssl` of the crate `rdkafka`"), "{said}");
    }
}
