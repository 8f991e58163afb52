//! What cannot be sent, in clear words.

use annals::outbox::nats::{NatsOptions, NatsPublisher, NatsSource, NatsStream};
use annals::outbox::{Address, PublishError, Publisher, ReceiveError, Source};
use annals_tests::brokers::Nats;

use super::{WHOLE, ask, message, on_both, publisher, send};

fn refused(error: PublishError) -> String {
    match error {
        PublishError::Refused { why } => why,
        other => panic!("it is the message's own fault: {other:?}"),
    }
}

fn missing(error: PublishError) -> String {
    match error {
        PublishError::Missing { why } => why,
        other => panic!("it is the place's fault: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_refused() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        let to = Address::new("shop.orders");
        let large = message("1", "k", vec![b'x'; 1024 * 1024]);
        let why = refused(publisher.publish(&to, &large).await.expect_err("it is too large"));
        assert!(why.contains("1048576") && why.contains("max_payload"), "{why}");

        let limit = r#"{"name":"SMALL","subjects":["small.>"],"max_msg_size":1000,"storage":"file",
            "retention":"limits","num_replicas":1}"#
            .replace('\n', "");
        let made = ask(&server.address(), "STREAM.CREATE.SMALL", &limit).await;
        assert!(made["error"].is_null(), "{made}");
        let large = message("1", "k", vec![b'x'; 2000]);
        let sent = publisher.publish(&Address::new("small.a"), &large).await;
        let why = refused(sent.expect_err("it is too large"));
        assert!(why.contains("max_msg_size"), "{why}");

        let mut headed = message("2", "k", "{}");
        headed.headers.insert("X-Long".to_owned(), "x".repeat(70_000));
        let why = refused(publisher.publish(&to, &headed).await.expect_err("they are too long"));
        assert!(why.contains("64 kB"), "{why}");
        send(&publisher, "shop.orders", [3]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_for_two_messages_is_refused() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        send(&publisher, "shop.orders", [1]).await;
        let other = publisher.publish(&Address::new("shop.orders"), &message("1", "k", "[]")).await;
        let why = refused(other.expect_err("the broker has not stored it"));
        assert!(why.contains("`1`") && why.contains("another body"), "{why}");
        let other = publisher.publish(&Address::new("shop.other"), &message("1", "k", "{}")).await;
        let why = refused(other.expect_err("the broker has not stored it"));
        assert!(why.contains("`shop.orders`"), "{why}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_not_there_is_missing() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let checked = NatsPublisher::connect(NatsOptions::new(server.url())).await;
        let checked = checked.expect("the options are right");
        let to = Address::new("orders.placed");
        let why = missing(
            checked.prepare(std::slice::from_ref(&to)).await.expect_err("there is no stream"),
        );
        assert!(why.contains("nats stream add ORDERS --subjects 'orders.placed'"), "{why}");
        let sent = checked.publish(&to, &message("1", "k", "{}")).await;
        assert_eq!(missing(sent.expect_err("there is no stream")), why);
        let keyed = Address::new("orders").routing_key("placed");
        let why = missing(checked.prepare(&[keyed]).await.expect_err("there are no routing keys"));
        assert!(why.contains("Address::new(\"orders.placed\")"), "{why}");

        let stream = NatsStream::new("ORDERS", ["orders.>"]);
        let declared = NatsOptions::new(server.url()).declare(stream);
        let declared = NatsPublisher::connect(declared).await.expect("the options are right");
        declared.prepare(std::slice::from_ref(&to)).await.expect("it is made");
        checked.publish(&to, &message("1", "k", "{}")).await.expect("it is there now");

        // One that is there is never changed.
        let wider = NatsStream::new("ORDERS", ["orders.>", "payments.>"]);
        let wider = NatsOptions::new(server.url()).declare(wider);
        let wider = NatsPublisher::connect(wider).await.expect("the options are right");
        let why = missing(
            wider.prepare(&[Address::new("payments.made")]).await.expect_err("it is not taken"),
        );
        assert!(why.contains("nats stream edit ORDERS"), "{why}");

        let source = NatsSource::connect(NatsOptions::new(server.url()), "NONE", ["a"]).await;
        let opened = source.expect("the options are right").open("mail", WHOLE).await;
        let Err(ReceiveError::Missing { why }) = opened.map(drop) else { panic!("no stream") };
        assert!(why.contains("nats stream add NONE"), "{why}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stream_blocks_its_subjects_only() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        let full = r#"{"name":"FULL","subjects":["full.>"],"max_msgs":2,"discard":"new","storage":"file","retention":"limits","num_replicas":1}"#;
        let made = ask(&server.address(), "STREAM.CREATE.FULL", full).await;
        assert!(made["error"].is_null(), "{made}");
        send(&publisher, "full.a", [1, 2]).await;
        let sent = publisher.publish(&Address::new("full.a"), &message("3", "k", "{}")).await;
        let why = missing(sent.expect_err("it is full"));
        assert!(why.contains("make room"), "{why}");
        send(&publisher, "shop.orders", [1]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_cannot_do_it_are_named() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        let silent = r#"{"name":"SILENT","subjects":["silent.>"],"no_ack":true,"storage":"file","retention":"limits","num_replicas":1}"#;
        let made = ask(&server.address(), "STREAM.CREATE.SILENT", silent).await;
        assert!(made["error"].is_null(), "{made}");
        let silent = publisher.prepare(&[Address::new("silent.a")]).await;
        assert!(missing(silent.expect_err("it acknowledges nothing")).contains("no_ack"));

        let queue = r#"{"name":"QUEUE","subjects":["queue.>"],"storage":"file","retention":"workqueue","num_replicas":1}"#;
        let made = ask(&server.address(), "STREAM.CREATE.QUEUE", queue).await;
        assert!(made["error"].is_null(), "{made}");
        let source = NatsSource::connect(NatsOptions::new(server.url()), "QUEUE", [">"]).await;
        let opened = source.expect("the options are right").open("mail", WHOLE).await;
        let Err(ReceiveError::Missing { why }) = opened.map(drop) else { panic!("a work queue") };
        assert!(why.contains("work queue"), "{why}");
    })
    .await;
}

#[tokio::test]
async fn options_that_can_never_work_are_refused_at_once() {
    for url in ["http://u:secret@h", "nats://u:secret@h:x", ""] {
        let error = NatsPublisher::connect(NatsOptions::new(url)).await.expect_err("no URL");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let missing = NatsOptions::new("tls://h").ca_file("/nowhere/ca.pem");
    let error = NatsPublisher::connect(missing).await.expect_err("no file");
    assert!(error.why.contains("/nowhere/ca.pem"), "{error}");
    for lanes in [&["a.>", "a.b"][..], &[], &["a b"]] {
        let options = NatsOptions::new("nats://h");
        let source = NatsSource::connect(options, "S", lanes.iter().copied()).await;
        assert!(source.is_err(), "{lanes:?}");
    }
}
