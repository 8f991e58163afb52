//! A message counts as stored when others have it, too.

use annals::outbox::redis::RedisSafety;
use futures_util::future::join_all;

use super::*;

/// A server and one that copies it.
async fn pair() -> (Redis, Redis) {
    let (primary, replica) = (Redis::start().await, Redis::start().await);
    let port = primary.port().to_string();
    ask(&replica.url(), &["REPLICAOF", "127.0.0.1", &port]).await;
    within(async {
        loop {
            let Value::Int(replicas) = ask(&primary.url(), &["WAIT", "1", "1000"]).await else {
                panic!("it counts replicas");
            };
            if replicas == 1 {
                return;
            }
        }
    })
    .await;
    (primary, replica)
}

/// The replica is frozen: messages are in doubt within the limit. When it goes on they are stored, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_silent_leaves_messages_in_doubt() {
    let (primary, replica) = pair().await;
    let options = RedisOptions::new(primary.url()).answer_within(Duration::from_secs(2));
    let publisher = publisher(options.safety(RedisSafety::Replicas(1))).await;
    let to = Address::new("orders");
    // They share what they wait for.
    let many = messages(1..=200);
    for sent in within(join_all(many.iter().map(|message| publisher.publish(&to, message)))).await {
        assert_eq!(sent.unwrap(), Published::Stored);
    }
    assert_eq!(length(&replica.url(), "orders").await, 200);
    replica.freeze();
    let more = messages(201..=210);
    let sent = within(join_all(more.iter().map(|message| publisher.publish(&to, message)))).await;
    for sent in sent {
        let doubt = sent.unwrap_err();
        assert!(matches!(doubt, PublishError::InDoubt { .. }), "{doubt:?}");
    }
    // It is known by now, and no more safe than before.
    let doubt = within(publisher.publish(&to, &more[0])).await.unwrap_err();
    assert!(matches!(doubt, PublishError::InDoubt { .. }), "{doubt:?}");
    replica.thaw();
    for message in &more {
        assert_eq!(within(publisher.publish(&to, message)).await.unwrap(), Published::Repeated);
    }
    assert_eq!(length(&replica.url(), "orders").await, 210);
}

/// A publisher is connected to a replica: all messages wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_takes_no_messages() {
    let (primary, replica) = pair().await;
    let publisher = publisher(RedisOptions::new(replica.url())).await;
    let to = Address::new("orders");
    let error = within(publisher.publish(&to, &message("order-1", 1))).await.unwrap_err();
    assert!(down(&error).contains("the server is a replica"), "{error}");
    drop(primary);
    ask(&replica.url(), &["REPLICAOF", "NO", "ONE"]).await;
    send(&publisher, "orders", &messages(1..=1)).await;
}

/// Waiting for disks is a command of Redis 7.2: an older server is told as such.
#[tokio::test]
async fn a_server_that_cannot_wait_for_disks_is_told() {
    let url = Redis::shared().await;
    let stream = fresh_name("disks");
    let publisher =
        publisher(RedisOptions::new(&url).safety(RedisSafety::Disks { replicas: 0 })).await;
    match within(publisher.publish(&Address::new(&stream), &message("order-1", 1))).await {
        Ok(sent) => assert_eq!(sent, Published::Stored, "a newer server"),
        Err(PublishError::Missing { why }) => assert!(why.contains("from Redis 7.2"), "{why}"),
        Err(other) => panic!("{other:?}"),
    }
}
