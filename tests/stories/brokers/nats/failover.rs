//! A stream on three servers, whose leader is killed again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use annals::outbox::nats::{NatsOptions, NatsPublisher, NatsStream};
use annals::outbox::{Address, PublishError, Publisher, ReceiveError, Source};
use annals_tests::brokers::{Kind, Nats, NatsKind};
use tokio::time::{sleep, timeout};

use super::{PATIENCE, WHOLE, ask, message, source_with};

/// Waits until the cluster does something.
async fn until<T, E: std::fmt::Display>(does: impl AsyncFn() -> Result<T, E>) -> T {
    let trying = async {
        loop {
            match does().await {
                Ok(done) => return done,
                Err(error) => println!("not yet: {error}"),
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, trying).await.expect("the cluster comes to itself")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_over_loses_and_reorders_nothing() {
    let kinds = <NatsKind as Kind>::plain().newest().cluster(3);
    let mut servers: Vec<Nats> =
        futures_util::future::join_all(kinds.into_iter().map(Nats::start_as)).await;
    let urls: Vec<String> = servers.iter().map(Nats::url).collect();
    let options = NatsOptions::new(urls.join(","))
        .declare(NatsStream::new("SHOP", ["shop.>"]).replicas(3))
        .quiet_for(Duration::from_secs(3));
    let publisher = NatsPublisher::connect(options.clone()).await.expect("the options are right");
    let to = Address::new("shop.orders");
    until(async || publisher.prepare(std::slice::from_ref(&to)).await).await;

    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let sending = tokio::spawn({
        let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
        async move {
            while !stop.load(Ordering::Relaxed) {
                let number = sent.load(Ordering::Relaxed) + 1;
                let one = message(number.to_string(), "k", "{}");
                match publisher.publish(&to, &one).await {
                    Ok(_) => sent.store(number, Ordering::Relaxed),
                    Err(PublishError::Down { .. } | PublishError::InDoubt { .. }) => {
                        sleep(Duration::from_millis(50)).await;
                    }
                    Err(error) => panic!("{number} only has to wait: {error:?}"),
                }
            }
        }
    });
    let receiving = tokio::spawn({
        let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
        async move {
            let source = source_with(options, &["shop.orders"]).await;
            let mut receiver = loop {
                match source.open("mail", WHOLE).await {
                    Ok(receiver) => break receiver,
                    Err(error) => println!("not yet: {error}"),
                }
                sleep(Duration::from_millis(200)).await;
            };
            let mut had = 0;
            while !stop.load(Ordering::Relaxed) || had < sent.load(Ordering::Relaxed) {
                match timeout(PATIENCE, receiver.receive(100)).await.expect("it goes on") {
                    Ok(received) => {
                        let last = received.last().map_or(0, |one| one.number);
                        for one in received {
                            let number: u64 = one.message.id.parse().expect("ids are numbers");
                            assert!(number <= had + 1, "{number} came before {}", had + 1);
                            had = had.max(number);
                        }
                        receiver.acknowledge(last).await.ok();
                    }
                    Err(ReceiveError::Down { .. }) => sleep(Duration::from_millis(50)).await,
                    Err(error) => panic!("{error:?}"),
                }
            }
            had
        }
    });

    let goes_on = async || {
        let before = sent.load(Ordering::Relaxed);
        let more = async {
            while sent.load(Ordering::Relaxed) < before + 50 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, more).await.expect("it is sent on");
    };
    goes_on().await;
    for _ in 0..3 {
        let address = servers[0].address();
        let leader = until(async || {
            let info = timeout(PATIENCE / 20, ask(&address, "STREAM.INFO.SHOP", "")).await;
            let info = info.map_err(|_| "nobody answers")?;
            let leader = info["cluster"]["leader"].as_str().and_then(|name| name.strip_prefix('n'));
            leader.and_then(|place| place.parse::<usize>().ok()).ok_or("there is no leader")
        });
        let leader = leader.await;
        servers[leader].kill();
        goes_on().await;
        servers[leader].restart().await;
        goes_on().await;
    }
    stop.store(true, Ordering::Relaxed);
    sending.await.expect("all is sent");
    let had = timeout(PATIENCE, receiving).await.expect("it ends").expect("all came in order");
    assert_eq!(had, sent.load(Ordering::Relaxed));
}
