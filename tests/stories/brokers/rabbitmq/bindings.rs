//! A binding that is deleted under load loses nothing.

use annals::outbox::rabbitmq::{ExchangeType, Topology};
use annals::outbox::{Address, PublishError, Publisher};
use annals_tests::brokers::{RabbitMq, fresh_name};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{BOTH, PATIENCE, client, ids, message, open, plain, publisher, source};

/// How many publish at once, each a key of its own.
const KEYS: u64 = 20;

const OF_EACH: u64 = 100;

/// Whoever publishes is told that its message came back, and sends it again: when the binding is back,
/// everything arrives, each key in order.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_is_sent_again() {
    for queue_type in BOTH {
        let (exchange, queue) = (fresh_name("bound"), fresh_name("binding"));
        let url = RabbitMq::shared().await;
        let topology = Topology::declared()
            .exchange(&exchange, ExchangeType::Direct)
            .queue(&queue, queue_type)
            .bind(&queue, &exchange, "k");
        let options = plain(&url).topology(topology).prefetch(5_000);
        let publisher = publisher(&options).await;
        let mut receiver = open(&source(&options, &[&queue]).await).await;
        let (came_back, mut coming_back) = mpsc::unbounded_channel();
        let sending: Vec<_> = (0..KEYS)
            .map(|key| {
                let place = Address::new(&exchange).routing_key("k");
                let (publisher, came_back) = (publisher.clone(), came_back.clone());
                tokio::spawn(async move {
                    for number in 0..OF_EACH {
                        let message = message(key * OF_EACH + number, "{}");
                        loop {
                            match publisher.publish(&place, &message).await {
                                Ok(_) => break,
                                Err(PublishError::Missing { why }) => {
                                    assert!(why.contains("no queue is bound"), "{why}");
                                    came_back.send(()).expect("it is listened to");
                                }
                                Err(error) => panic!("{error:?}"),
                            }
                        }
                    }
                })
            })
            .collect();
        let (first, _) = ids(&mut *receiver, 50).await;
        let (_connection, channel) = client(&url).await;
        let (q, e) = (queue.as_str(), exchange.as_str());
        let unbound = channel.queue_unbind(q.into(), e.into(), "k".into(), Default::default());
        unbound.await.expect("it was bound");
        for _ in 0..2 * KEYS {
            let told = timeout(PATIENCE, coming_back.recv()).await;
            told.expect("everybody is told").expect("they send");
        }
        let (none, nothing) = (Default::default(), Default::default());
        let bound = channel.queue_bind(q.into(), e.into(), "k".into(), none, nothing);
        bound.await.expect("it can be bound");
        for sent in sending {
            timeout(PATIENCE, sent).await.expect("it goes on").expect("nothing is wrong");
        }
        let rest = (KEYS * OF_EACH) as usize - first.len();
        let came = [first, ids(&mut *receiver, rest).await.0].concat();
        for key in 0..KEYS {
            let of_key = came.iter().copied().filter(|id| id / OF_EACH == key);
            let expected = key * OF_EACH..(key + 1) * OF_EACH;
            assert!(of_key.eq(expected), "{queue_type:?}, key {key}: each once, in order");
        }
    }
}
