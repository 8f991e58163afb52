//! Messages out of streams.

use annals::outbox::{Envelope, Outgoing};
use annals::{Payload, Timestamp};

use super::*;

fn placed() -> Outgoing {
    Outgoing {
        id: "01890000-0000-7000-8000-000000000001".into(),
        source: "/shop".into(),
        event_type: "order.placed",
        version: 2,
        stream: "order-1".parse().expect("it is a stream"),
        stream_version: 7,
        index: 0,
        route: "orders",
        key: "order-1".into(),
        time: Timestamp::UNIX_EPOCH,
        correlation: Some("c".into()),
        causation: Some("d".into()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        data: Payload::encode(&serde_json::json!({ "cents": 500, "reason": "Grüße 🦀" })).unwrap(),
    }
}

/// Everything that a message has comes back, in every envelope.
#[tokio::test]
async fn every_envelope_comes_back_as_it_was() {
    let url = Redis::shared().await;
    let stream = fresh_name("envelopes");
    let publisher = publisher(RedisOptions::new(&url).repeats_within(None)).await;
    let envelopes =
        [Envelope::CloudEvents, Envelope::CloudEventsBinary, Envelope::Plain, Envelope::Debezium];
    let sealed = envelopes.map(|envelope| envelope.seal(placed()));
    assert!(sealed[1].attributes.len() > 5 && sealed[3].headers.len() == 3);
    send(&publisher, &stream, &sealed).await;
    let mut receiver = receiver(&url, &stream).await;
    assert_eq!(take(&mut *receiver, 4).await, sealed);
}

/// What others write comes, known by its place in the stream.
#[tokio::test]
async fn messages_of_others_come() {
    let url = Redis::shared().await;
    let stream = fresh_name("foreign");
    ask(&url, &["XADD", &stream, "17-3", "ce_type", "paid", "data", "{}", "lang", "php"]).await;
    let mut receiver = receiver(&url, &stream).await;
    let came = take(&mut *receiver, 1).await.remove(0);
    assert_eq!(came.id, format!("{stream}/17-3"));
    assert_eq!((came.attributes["type"].as_str(), came.headers["lang"].as_str()), ("paid", "php"));
    assert_eq!(&*came.body, b"{}");
}

/// A receiver ends without a word: what it had comes to the next, in order, before what is newer.
#[tokio::test]
async fn what_was_not_acknowledged_comes_again() {
    let url = Redis::shared().await;
    let stream = fresh_name("again");
    let publisher = publisher(RedisOptions::new(&url)).await;
    let sent = messages(1..=30);
    send(&publisher, &stream, &sent[..20]).await;
    let mut first = receiver(&url, &stream).await;
    assert_eq!(take(&mut *first, 15).await, sent[..15]);
    within(first.acknowledge(4)).await.unwrap();
    drop(first);
    send(&publisher, &stream, &sent[20..]).await;
    let mut second = receiver(&url, &stream).await;
    assert_eq!(take(&mut *second, 26).await, sent[4..]);
    within(second.acknowledge(26)).await.unwrap();
    drop(second);
    nothing(&mut *receiver(&url, &stream).await).await;
}

/// Calls that are dropped at any moment lose nothing and turn nothing round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_calls_lose_nothing() {
    let url = Redis::shared().await;
    let streams = [fresh_name("dropped_a"), fresh_name("dropped_b")];
    let publisher = publisher(RedisOptions::new(&url)).await;
    let sent = messages(1..=200);
    let source = source(&url, &[&streams[0], &streams[1]]).await;
    let mut receiver = source.open(GROUP, WHOLE).await.unwrap();
    let sending = async {
        for message in &sent {
            send(&publisher, &streams[0], std::slice::from_ref(message)).await;
            send(&publisher, &streams[1], std::slice::from_ref(message)).await;
        }
    };
    let receiving = async {
        let (mut came, mut round) = (Vec::new(), 0_u64);
        while came.len() < 400 {
            round += 1;
            let limit = Duration::from_micros((round % 60) * 50);
            if let Ok(received) = tokio::time::timeout(limit, receiver.receive(7)).await {
                for received in received.expect("the server is there") {
                    came.push(received.message);
                    assert_eq!(received.number, came.len() as u64);
                }
            }
        }
        came
    };
    let ((), came) = within(async { tokio::join!(sending, receiving) }).await;
    // Both streams have the same messages, so each number comes twice, and in each stream in order.
    let mut next = [0, 0];
    for message in came {
        let number: usize = std::str::from_utf8(&message.body).unwrap().parse().unwrap();
        let lane = next.iter().position(|last| last + 1 == number);
        next[lane.unwrap_or_else(|| panic!("{number} comes after {next:?}"))] = number;
    }
    within(receiver.acknowledge(400)).await.unwrap();
}

/// Large messages do not come all at once, however many are asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_consumer_holds_little() {
    let server = Redis::start().await;
    let publisher = publisher(RedisOptions::new(server.url())).await;
    let mut sent = messages(1..=64);
    for (number, message) in sent.iter_mut().enumerate() {
        let bytes = if number == 40 { 20_000_000 } else { 1_000_000 };
        message.body = vec![b'0' + (number % 10) as u8; bytes].into();
    }
    send(&publisher, "orders", &sent).await;
    // A debug build takes its time with 28 MB.
    let options = RedisOptions::new(server.url()).answer_within(PATIENCE);
    let source = RedisSource::connect(options, ["orders"]).await.unwrap();
    let mut receiver = source.open(GROUP, WHOLE).await.unwrap();
    let mut came = Vec::new();
    while came.len() < sent.len() {
        let received = only_messages(within(receiver.receive(500)).await.unwrap());
        let bytes: usize = received.iter().map(Message::bytes).sum();
        assert!(bytes < 32_000_000, "{bytes} bytes in {} messages", received.len());
        came.extend(received);
    }
    assert!(came == sent, "all of them come, in order");
}

/// Each part has lanes of its own, and one without lanes waits.
#[tokio::test]
async fn parts_share_the_lanes() {
    let url = Redis::shared().await;
    let streams: Vec<String> = (0..3).map(|_| fresh_name("lane")).collect();
    let names: Vec<&str> = streams.iter().map(String::as_str).collect();
    let publisher = publisher(RedisOptions::new(&url)).await;
    let source = source(&url, &names).await;
    assert_eq!(source.origin(), names.join(", "));
    assert_eq!(source.broker(), publisher.broker());
    for (number, stream) in names.iter().enumerate() {
        send(&publisher, stream, &[message("order-1", number)]).await;
    }
    let mut parts = Vec::new();
    for index in 0..4 {
        parts.push(source.open(GROUP, Part { index, of: 4 }).await.unwrap());
    }
    for (number, part) in parts[..3].iter_mut().enumerate() {
        assert_eq!(take(&mut **part, 1).await, [message("order-1", number)]);
        nothing(&mut **part).await;
    }
    nothing(&mut *parts[3]).await;
    let mut whole = source.open("shipping", WHOLE).await.unwrap();
    assert_eq!(take(&mut *whole, 3).await.len(), 3, "another group gets everything");
}

/// Forty lanes, of which one is full: the others are not kept waiting, and whoever waits is woken by any.
#[tokio::test]
async fn a_full_lane_keeps_nobody_waiting() {
    let url = Redis::shared().await;
    let streams: Vec<String> = (0..40).map(|_| fresh_name("lane")).collect();
    let names: Vec<&str> = streams.iter().map(String::as_str).collect();
    let publisher = publisher(RedisOptions::new(&url)).await;
    let mut receiver = source(&url, &names).await.open(GROUP, WHOLE).await.unwrap();
    nothing(&mut *receiver).await;
    send(&publisher, names[39], &messages(1..=1)).await;
    assert_eq!(take(&mut *receiver, 1).await, messages(1..=1));
    send(&publisher, names[7], &messages(1..=300)).await;
    send(&publisher, names[8], &[message("other", 1)]).await;
    let mut came = Vec::new();
    while !came.contains(&message("other", 1)) {
        came.extend(only_messages(within(receiver.receive(20)).await.unwrap()));
    }
    assert!(came.len() <= 100, "it came after {} others", came.len());
    assert_eq!(take(&mut *receiver, 301 - came.len()).await.last(), Some(&message("order-1", 300)));
}

/// A group that is new begins with the oldest message, or with what comes after it, as the options say.
#[tokio::test]
async fn a_new_group_begins_where_it_is_told() {
    let url = Redis::shared().await;
    let stream = fresh_name("start");
    let publisher = publisher(RedisOptions::new(&url)).await;
    send(&publisher, &stream, &messages(1..=3)).await;
    let newest = RedisOptions::new(&url).start(annals::outbox::redis::RedisStart::Newest);
    let newest = RedisSource::connect(newest, [&stream]).await.unwrap();
    let mut late = newest.open("late", WHOLE).await.unwrap();
    nothing(&mut *late).await;
    send(&publisher, &stream, &messages(4..=4)).await;
    assert_eq!(take(&mut *late, 1).await, messages(4..=4));
    assert_eq!(take(&mut *receiver(&url, &stream).await, 4).await, messages(1..=4));
    let checking = RedisOptions::new(&url).declare(false);
    let checking = RedisSource::connect(checking, [&stream]).await.unwrap();
    let Err(ReceiveError::Missing { why }) = checking.open("nobody", WHOLE).await else {
        panic!("a group that nobody has made is missing");
    };
    assert!(why.contains(&format!("XGROUP CREATE {stream} nobody")), "{why}");
}

/// Who waits costs the server next to nothing, also behind an entry that somebody else has taken for the group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_is_no_busy_loop() {
    let server = Redis::start().await;
    let url = server.url();
    let mut receiver = receiver(&url, "orders").await;
    nothing(&mut *receiver).await;
    ask(&url, &["XADD", "orders", "*", "body", "taken"]).await;
    ask(&url, &["XREADGROUP", "GROUP", GROUP, "another", "STREAMS", "orders", ">"]).await;
    ask(&url, &["CONFIG", "RESETSTAT"]).await;
    nothing(&mut *receiver).await;
    let Value::BulkString(told) = ask(&url, &["INFO", "commandstats"]).await else {
        panic!("it tells a text");
    };
    let told = String::from_utf8(told).expect("it is in ASCII");
    for command in ["evalsha", "xread"] {
        let line =
            told.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        let calls =
            line.map_or(0, |line| line.split(',').next().unwrap_or_default().parse().unwrap());
        assert!(calls < 6_u32, "{calls} of {command} in a moment in which nothing came");
    }
    ask(&url, &["XADD", "orders", "*", "body", "ours"]).await;
    assert_eq!(&*take(&mut *receiver, 1).await[0].body, b"ours");
    // Whoever opens next has what the other one did not acknowledge.
    assert_eq!(take(&mut *super::receiver(&url, "orders").await, 2).await.len(), 2);
}
