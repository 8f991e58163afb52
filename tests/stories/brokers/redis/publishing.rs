//! Messages into streams.

use std::sync::Arc;

use futures_util::future::join_all;

use super::*;

/// Many at once over one connection: each key keeps its order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_keeps_its_order_among_200_at_once() {
    let url = Redis::shared().await;
    let stream = fresh_name("order");
    let publisher = Arc::new(publisher(RedisOptions::new(&url)).await);
    let keyed = (0..20).map(|key| {
        let (publisher, stream) = (publisher.clone(), stream.clone());
        tokio::spawn(async move {
            let own: Vec<Message> =
                (1..=30).map(|number| message(&format!("key-{key}"), number)).collect();
            send(&publisher, &stream, &own).await;
        })
    });
    let others = (0..180).map(|key| {
        let (publisher, stream) = (publisher.clone(), stream.clone());
        tokio::spawn(async move {
            send(&publisher, &stream, &[message(&format!("other-{key}"), 1)]).await
        })
    });
    for sent in join_all(keyed.chain(others)).await {
        sent.expect("the panic above says what was not stored");
    }
    let came = take(&mut *receiver(&url, &stream).await, 20 * 30 + 180).await;
    for key in 0..20 {
        let key = format!("key-{key}");
        let numbers: Vec<&[u8]> = came
            .iter()
            .filter(|message| message.key == key)
            .map(|message| &*message.body)
            .collect();
        let expected: Vec<String> = (1..=30).map(|number| number.to_string()).collect();
        assert_eq!(numbers, expected.iter().map(|text| text.as_bytes()).collect::<Vec<_>>());
    }
}

/// The server is killed right after its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_means_stored() {
    let mut server = Redis::start().await;
    let publisher = publisher(RedisOptions::new(server.url())).await;
    for round in 1..=3 {
        send(&publisher, "orders", &messages(round..=round)).await;
        server.kill();
        server.restart().await;
        assert_eq!(length(&server.url(), "orders").await, round as i64);
    }
}

/// A message that is sent again is stored once, and another one of the same id is refused.
#[tokio::test]
async fn an_id_is_stored_once() {
    let url = Redis::shared().await;
    let stream = fresh_name("repeated");
    let (to, mut message) = (Address::new(&stream), message("order-1", 1));
    let publisher = publisher(RedisOptions::new(&url)).await;
    send(&publisher, &stream, std::slice::from_ref(&message)).await;
    assert_eq!(publisher.publish(&to, &message).await.unwrap(), Published::Repeated);
    message.body = "another".into();
    let refused = publisher.publish(&to, &message).await.unwrap_err();
    assert!(matches!(refused, PublishError::Refused { .. }), "{refused:?}");
    assert!(refused.to_string().contains("another message has the same id"), "{refused}");
    assert_eq!(length(&url, &stream).await, 1);
    // What was trimmed away cannot be compared any more, and was stored.
    ask(&url, &["XTRIM", &stream, "MAXLEN", "0"]).await;
    assert_eq!(publisher.publish(&to, &message).await.unwrap(), Published::Repeated);
    let forgetful = super::publisher(RedisOptions::new(&url).repeats_within(None)).await;
    send(&forgetful, &stream, &[message.clone(), message]).await;
    assert_eq!(length(&url, &stream).await, 2);
}

/// The window has an end, after which an id is new.
#[tokio::test]
async fn an_id_is_forgotten_after_its_window() {
    let url = Redis::shared().await;
    let stream = fresh_name("window");
    let window = Duration::from_millis(200);
    let publisher = publisher(RedisOptions::new(&url).repeats_within(Some(window))).await;
    send(&publisher, &stream, &messages(1..=1)).await;
    let remembered = format!("{stream}:id:order-1-1");
    within(async {
        while ask(&url, &["EXISTS", &remembered]).await != Value::Int(0) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    send(&publisher, &stream, &messages(1..=1)).await;
}

/// A message that is too large is refused, by our limit and by the server's, and its neighbours are stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_is_refused_in_clear_words() {
    let server = Redis::start().await;
    let to = Address::new("orders");
    let mut large = message("order-1", 1);
    large.body = vec![b'x'; 3_000_000].into();
    let ours = publisher(RedisOptions::new(server.url()).max_message_bytes(2_000_000)).await;
    let refused = ours.publish(&to, &large).await.unwrap_err();
    assert!(matches!(refused, PublishError::Refused { .. }), "{refused:?}");
    assert!(refused.to_string().contains("`max_message_bytes` allows 2000000"), "{refused}");
    ask(&server.url(), &["CONFIG", "SET", "proto-max-bulk-len", "2mb"]).await;
    let theirs = publisher(RedisOptions::new(server.url())).await;
    let small = messages(1..=100);
    let (refused, ()) = tokio::join!(theirs.publish(&to, &large), send(&theirs, "orders", &small));
    let refused = refused.unwrap_err();
    assert!(matches!(refused, PublishError::Refused { .. }), "{refused:?}");
    assert!(refused.to_string().contains("`proto-max-bulk-len` allows 2097152"), "{refused}");
    assert_eq!(length(&server.url(), "orders").await, 100);
}

/// Streams are made or only looked for, as the options say; what is no stream is told.
#[tokio::test]
async fn a_place_that_is_not_there_is_missing() {
    let url = Redis::shared().await;
    let (stream, text) = (fresh_name("missing"), fresh_name("text"));
    let to = Address::new(&stream);
    let checking = publisher(RedisOptions::new(&url).declare(false)).await;
    for error in [
        checking.prepare(std::slice::from_ref(&to)).await.unwrap_err(),
        checking.publish(&to, &message("order-1", 1)).await.unwrap_err(),
    ] {
        assert!(matches!(error, PublishError::Missing { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("there is no stream `{stream}`")), "{error}");
    }
    let plain = super::publisher(RedisOptions::new(&url).declare(false).repeats_within(None)).await;
    let error = plain.publish(&to, &message("order-1", 1)).await.unwrap_err();
    assert!(matches!(error, PublishError::Missing { .. }), "{error:?}");
    let making = publisher(RedisOptions::new(&url)).await;
    making.prepare(std::slice::from_ref(&to)).await.unwrap();
    making.prepare(std::slice::from_ref(&to)).await.unwrap();
    assert_eq!(length(&url, &stream).await, 0);
    send(&checking, &stream, &messages(1..=1)).await;
    ask(&url, &["SET", &text, "text"]).await;
    let to = Address::new(&text);
    for error in [
        making.prepare(std::slice::from_ref(&to)).await.unwrap_err(),
        making.publish(&to, &message("order-1", 1)).await.unwrap_err(),
        plain.publish(&to, &message("order-1", 1)).await.unwrap_err(),
    ] {
        assert!(matches!(error, PublishError::Missing { .. }), "{error:?}");
        assert!(error.to_string().contains("is no stream"), "{error}");
    }
    let routed = Address::new(&stream).routing_key("order.placed");
    let error = making.publish(&routed, &message("order-1", 2)).await.unwrap_err();
    assert!(error.to_string().contains("Redis has no routing keys"), "{error}");
}

/// Calls that are dropped at any moment leave a connection that works, and answers that belong to others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_calls_leave_nothing_behind() {
    let url = Redis::shared().await;
    let stream = fresh_name("dropped");
    let publisher = publisher(RedisOptions::new(&url)).await;
    let to = Address::new(&stream);
    send(&publisher, &stream, &messages(1..=1)).await;
    for round in 0..500_u32 {
        let message = message("dropped", round as usize);
        let limit = Duration::from_micros(u64::from(round % 50) * 20);
        drop(tokio::time::timeout(limit, publisher.publish(&to, &message)).await);
    }
    assert_eq!(publisher.publish(&to, &message("order-1", 1)).await.unwrap(), Published::Repeated);
    send(&publisher, &stream, &messages(2..=50)).await;
}

/// The server's memory is full: all messages wait, and none is lost or refused.
#[tokio::test]
async fn a_full_memory_is_an_outage() {
    let server = Redis::start().await;
    let publisher = publisher(RedisOptions::new(server.url())).await;
    send(&publisher, "orders", &messages(1..=1)).await;
    ask(&server.url(), &["CONFIG", "SET", "maxmemory", "1mb"]).await;
    let error =
        publisher.publish(&Address::new("orders"), &message("order-1", 2)).await.unwrap_err();
    assert!(down(&error).contains("the server's memory is full"), "{error}");
    ask(&server.url(), &["CONFIG", "SET", "maxmemory", "0"]).await;
    send(&publisher, "orders", &messages(2..=2)).await;
}

/// The server forgets scripts while a publisher is connected.
#[tokio::test]
async fn scripts_that_were_flushed_are_given_again() {
    let server = Redis::start().await;
    let publisher = publisher(RedisOptions::new(server.url())).await;
    send(&publisher, "orders", &messages(1..=2)).await;
    ask(&server.url(), &["SCRIPT", "FLUSH"]).await;
    send(&publisher, "orders", &messages(3..=4)).await;
}

/// Streams are trimmed if the options say so.
#[tokio::test]
async fn old_messages_go_away() {
    let url = Redis::shared().await;
    let stream = fresh_name("trimmed");
    let publisher = publisher(RedisOptions::new(&url).keep_at_least(100)).await;
    send(&publisher, &stream, &messages(1..=500)).await;
    let length = length(&url, &stream).await;
    assert!(
        (100..300).contains(&length),
        "nodes of a hundred entries go away as a whole: {length}"
    );
}
