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
    // Whoever tried until its limit would still be trying when the story gives up.
    let patient = options(&wrong).answer_within(2 * PATIENCE).publish_within(2 * PATIENCE);
    let publisher = KafkaPublisher::connect(patient.clone()).await.expect("good options");
    let source = KafkaSource::connect(patient, [&*topic]).await.expect("good options");
    let to = Address::new(&topic);
    let prepared = within(publisher.prepare(std::slice::from_ref(&to))).await;
    let sent = within(publisher.publish(&to, &message("order-1", 1))).await;
    let opened = within(source.open(GROUP, WHOLE)).await;
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

    // Without a password a server hangs up without a word, and the client guesses why.
    let nobody = server.url().replace("shop:opensesame@", "");
    let nobody = options(&nobody).answer_within(Duration::from_secs(4));
    let publisher = KafkaPublisher::connect(nobody).await.expect("good options");
    let prepared = within(publisher.prepare(&[to])).await;
    let said = down(&prepared.expect_err("it does not let us in"));
    assert!(said.contains("SASL"), "{said}");
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
