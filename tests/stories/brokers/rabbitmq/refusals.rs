//! What cannot be taken is told in words, and does not stand in the way of others.

use std::collections::BTreeMap;

use annals::outbox::rabbitmq::{ExchangeType, QueueType, RabbitMqPublisher, Topology};
use annals::outbox::{Address, Message, PublishError, Publisher, ReceiveError, Source};
use annals_tests::brokers::{RabbitMq, fresh_name};
use futures_util::future::join_all;
use lapin::options::{ExchangeDeclareOptions, ExchangeDeleteOptions, QueueDeclareOptions};

use super::{
    WHOLE, client, ids, message, open, options, plain, publisher, send, send_at_last, source,
    strict, to,
};

async fn refused(publisher: &RabbitMqPublisher, to: &Address, message: &Message) -> String {
    match publisher.publish(to, message).await.expect_err("it cannot be taken") {
        PublishError::Refused { why } => why,
        other => panic!("it is the message's own fault: {other:?}"),
    }
}

async fn missing(publisher: &RabbitMqPublisher, to: &Address) -> String {
    match publisher.publish(to, &message(1, "{}")).await.expect_err("it leads nowhere") {
        PublishError::Missing { why } => why,
        other => panic!("it is the place's fault: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused() {
    let options = options(strict().await.url(), "large", QueueType::Classic);
    let publisher = publisher(&options).await;
    let large = message(1, vec![b'x'; 1_000_001]);
    // Not known before it was tried; then it is.
    for _ in 0..2 {
        let why = refused(&publisher, &to("large"), &large).await;
        assert!(why.contains("1000001 bytes") && why.contains("takes 1000000"), "{why}");
        assert!(why.contains("max_message_size"), "{why}");
        let fits = message(2, vec![b'x'; 1_000_000]);
        publisher.publish(&to("large"), &fits).await.expect("it fits");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_ids_that_are_too_long_are_refused() {
    let queue = fresh_name("headers");
    let options = options(RabbitMq::shared().await, &queue, QueueType::Classic);
    let publisher = publisher(&options).await;
    let with_header = |bytes: usize| Message {
        headers: BTreeMap::from([("big".to_owned(), "x".repeat(bytes))]),
        ..message(1, "{}")
    };
    publisher.publish(&to(&queue), &with_header(100_000)).await.expect("it fits");
    for bytes in [131_064, 140_000, 1_000_000] {
        let why = refused(&publisher, &to(&queue), &with_header(bytes)).await;
        assert!(why.contains("frame_max"), "{why}");
    }
    // The largest that fits does.
    let mut bytes = 131_064;
    while publisher.publish(&to(&queue), &with_header(bytes)).await.is_err() {
        bytes -= 1;
    }
    assert!(bytes > 130_900, "{bytes}");
    let long = Message { id: "7".repeat(256), ..message(1, "{}") };
    let why = refused(&publisher, &to(&queue), &long).await;
    assert!(why.contains("the id has 256 bytes"), "{why}");
    send(&publisher, &queue, [2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_not_there_is_missing_until_it_is_made() {
    let url = RabbitMq::shared().await;
    let (exchange, queue) = (fresh_name("exchange"), fresh_name("queue"));
    let publisher = publisher(&plain(&url)).await;
    let place = Address::new(&exchange).routing_key("order.placed");

    let why = missing(&publisher, &place).await;
    assert!(why.contains(&exchange) && why.contains("make it"), "{why}");
    let prepared = publisher.prepare(std::slice::from_ref(&place)).await;
    assert!(matches!(&prepared, Err(PublishError::Missing { why }) if why.contains(&exchange)));
    let why = missing(&publisher, &to(&queue)).await;
    assert!(why.contains(&format!("there is no queue `{queue}`")), "{why}");
    let prepared = publisher.prepare(&[to(&queue)]).await;
    assert!(matches!(&prepared, Err(PublishError::Missing { why }) if why.contains(&queue)));
    let opened = source(&plain(&url), &[&queue]).await.open("billing", WHOLE).await.map(drop);
    assert!(matches!(&opened, Err(ReceiveError::Missing { why }) if why.contains(&queue)));

    let (_connection, channel) = client(&url).await;
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let kind = lapin::ExchangeKind::Topic;
    let made =
        channel.exchange_declare(exchange.as_str().into(), kind, durable, Default::default());
    made.await.expect("it can be made");
    let why = missing(&publisher, &place).await;
    assert!(why.contains("no queue is bound") && why.contains("order.placed"), "{why}");
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    let made = channel.queue_declare(queue.as_str().into(), durable, Default::default()).await;
    made.expect("it can be made");
    let bound = channel.queue_bind(
        queue.as_str().into(),
        exchange.as_str().into(),
        "order.*".into(),
        Default::default(),
        Default::default(),
    );
    bound.await.expect("it can be bound");
    publisher.prepare(&[place.clone(), to(&queue)]).await.expect("everything is there");
    publisher.publish(&place, &message(1, "{}")).await.expect("it is taken");
    send(&publisher, &queue, [2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_exchange_is_no_hindrance_to_others() {
    let (nowhere, queue) = (fresh_name("nowhere"), fresh_name("others"));
    let options = options(RabbitMq::shared().await, &queue, QueueType::Classic);
    let publisher = publisher(&options).await;
    let sending = (0..400_u64).map(|number| {
        let (publisher, nowhere, queue) = (publisher.clone(), Address::new(&nowhere), to(&queue));
        tokio::spawn(async move {
            let is_lost = number % 2 == 0;
            let to = if is_lost { nowhere } else { queue };
            match publisher.publish(&to, &message(number, "{}")).await {
                Ok(_) => assert!(!is_lost),
                Err(PublishError::Missing { .. }) => assert!(is_lost),
                Err(error) => panic!("{number}: {error:?}"),
            }
        })
    });
    for told in join_all(sending).await {
        told.expect("everybody is told the truth");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_is_deleted_is_missing_at_last() {
    let url = RabbitMq::shared().await;
    let (exchange, queue) = (fresh_name("deleted"), fresh_name("others"));
    let made = Topology::declared()
        .exchange(&exchange, ExchangeType::Direct)
        .queue(&queue, QueueType::Classic)
        .bind(&queue, &exchange, "k");
    publisher(&plain(&url).topology(made)).await.prepare(&[]).await.expect("it can be made");
    let publisher = publisher(&plain(&url)).await;
    let place = Address::new(&exchange).routing_key("k");
    publisher.publish(&place, &message(0, "{}")).await.expect("it is taken");
    let sending = (1..400_u64).map(|number| {
        let publisher = publisher.clone();
        let to = if number % 2 == 0 { place.clone() } else { to(&queue) };
        tokio::spawn(async move { (number, publisher.publish(&to, &message(number, "{}")).await) })
    });
    let sending = join_all(sending);
    let (_connection, channel) = client(&url).await;
    let all = ExchangeDeleteOptions::default();
    let deleted = channel.exchange_delete(exchange.as_str().into(), all);
    let (deleted, sent) = tokio::join!(deleted, sending);
    deleted.expect("it can be removed");
    for sent in sent {
        match sent.expect("everybody is told the truth") {
            // The connection may end with the channel, and others with it: they are sent again.
            (_, Ok(_) | Err(PublishError::InDoubt { .. } | PublishError::Down { .. })) => {}
            (number, Err(PublishError::Missing { .. })) => assert_eq!(number % 2, 0),
            (number, Err(error)) => panic!("{number}: {error:?}"),
        }
    }
    send_at_last(&publisher, &queue, 400).await;
    let why = missing(&publisher, &place).await;
    assert!(why.contains(&exchange) && why.contains("make it"), "{why}");
    send(&publisher, &queue, [401]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_we_may_not_write_is_missing() {
    let publisher = publisher(&plain(RabbitMq::shared().await)).await;
    // Nobody may, but the server itself.
    let why = missing(&publisher, &Address::new("amq.rabbitmq.trace").routing_key("k")).await;
    assert!(why.contains("ACCESS_REFUSED") && why.contains("permission"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_another_type_is_not_received() {
    let url = RabbitMq::shared().await;
    let queue = fresh_name("other");
    let made = options(&url, &queue, QueueType::Quorum);
    send(&super::publisher(&made).await, &queue, [1]).await;
    let expected = options(&url, &queue, QueueType::Classic);
    // Its publisher does not care.
    send(&super::publisher(&expected).await, &queue, [2]).await;
    let opened = source(&expected, &[&queue]).await.open("billing", WHOLE).await.map(drop);
    let told = matches!(&opened, Err(ReceiveError::Missing { why })
        if why.contains(&queue) && why.contains("x-queue-type") && why.contains("other settings"));
    assert!(told, "{opened:?}");
    for options in [made, plain(&url)] {
        let mut receiver = open(&source(&options, &[&queue]).await).await;
        assert_eq!(ids(&mut *receiver, 2).await.0, [1, 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_with_other_settings_is_left_as_it_is() {
    let url = RabbitMq::shared().await;
    let (exchange, queue) = (fresh_name("exchange"), fresh_name("queue"));
    let declared = |exchange_type, queue_type| {
        let topology = Topology::declared()
            .exchange(&exchange, exchange_type)
            .queue(&queue, queue_type)
            .bind(&queue, &exchange, "k");
        plain(&url).topology(topology)
    };
    let place = Address::new(&exchange).routing_key("k");
    for options in [
        declared(ExchangeType::Direct, QueueType::Classic),
        declared(ExchangeType::Topic, QueueType::Quorum),
    ] {
        let publisher = publisher(&options).await;
        publisher.prepare(std::slice::from_ref(&place)).await.expect("it is there");
        publisher.publish(&place, &message(1, "{}")).await.expect("it is taken");
    }
}
