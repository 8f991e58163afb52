//! A lane goes from one receiver to the next.

use std::time::Duration;

use annals::outbox::{ReceiveError, Source};
use annals_tests::brokers::Nats;
use tokio::time::timeout;

use super::{PATIENCE, WHOLE, consumer, numbers, on_both, open, publisher, send, source};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_comes_to_the_next_before_what_is_new() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        send(&publisher, "shop.orders", 1..=10).await;
        let source = source(&server, &["shop.orders"]).await;
        let mut first = open(&source, "mail").await;
        let (_, last) = numbers(&mut *first, 8).await;
        first.acknowledge(last - 5).await.expect("the broker is there");
        drop(first);
        send(&publisher, "shop.orders", 11..=12).await;
        // Elsewhere: another connection.
        let elsewhere = super::source(&server, &["shop.orders"]).await;
        let mut second = open(&elsewhere, "mail").await;
        let (again, last) = numbers(&mut *second, 9).await;
        assert_eq!(again, Vec::from_iter(4..=12));
        second.acknowledge(last).await.expect("the broker is there");
        drop(second);
        send(&publisher, "shop.orders", [13]).await;
        // Some who do nothing come between.
        for _ in 0..3 {
            drop(open(&source, "mail").await);
        }
        let mut last = open(&source, "mail").await;
        assert_eq!(numbers(&mut *last, 1).await.0, [13]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_moves_nothing() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        send(&publisher, "shop.orders", 1..=10).await;
        let source = source(&server, &["shop.orders"]).await;
        let mut old = open(&source, "mail").await;
        let (_, last) = numbers(&mut *old, 10).await;
        let elsewhere = super::source(&server, &["shop.orders"]).await;
        let mut new = open(&elsewhere, "mail").await;

        // The old one does not know yet.
        old.acknowledge(last).await.ok();
        assert_eq!(numbers(&mut *new, 10).await.0, Vec::from_iter(1..=10));
        assert_eq!(consumer(&server.address()).await["ack_floor"]["stream_seq"], 0);
        for _ in 0..3 {
            let received = timeout(PATIENCE, old.receive(10)).await.expect("it is told");
            let Err(ReceiveError::Down { source: why }) = received else { panic!("{received:?}") };
            println!("{why}");
        }
        let why = old.acknowledge(last).await.expect_err("it has lost its lane").to_string();
        assert!(why.contains("another receiver"), "{why}");

        // And it has taken nothing back.
        new.acknowledge(7).await.expect("the broker is there");
        let noted = async {
            while consumer(&server.address()).await["ack_floor"]["stream_seq"] != 7 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, noted).await.expect("the new one has the lane");
        drop((old, new));
        let mut third = open(&source, "mail").await;
        assert_eq!(numbers(&mut *third, 3).await.0, [8, 9, 10]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_open_at_once_one_has_the_lane() {
    on_both(async |kind| {
        let server = Nats::start_as(kind).await;
        let publisher = publisher(&server).await;
        send(&publisher, "shop.orders", 1..=5).await;
        let opening = (0..8).map(|_| async {
            let source = super::source(&server, &["shop.orders"]).await;
            match source.open("mail", WHOLE).await {
                Ok(receiver) => Some((receiver, source)),
                Err(error) => {
                    assert!(error.to_string().contains("another receiver"), "{error}");
                    None
                }
            }
        });
        let receivers = futures_util::future::join_all(opening).await;
        let mut with_the_lane = 0;
        for (mut receiver, _source) in receivers.into_iter().flatten() {
            let received = async {
                loop {
                    match receiver.receive(5).await {
                        Ok(received) => return Some(received.len()),
                        Err(error) if error.to_string().contains("another receiver") => {
                            return None;
                        }
                        Err(error) => println!("{error}"),
                    }
                }
            };
            let received = timeout(PATIENCE, received).await.expect("each knows");
            with_the_lane += usize::from(received.is_some_and(|count| count > 0));
        }
        assert_eq!(with_the_lane, 1);
        // One consumer is left.
        consumer(&server.address()).await;
    })
    .await;
}
