//! Consumers that hold messages for longer than the server's `consumer_timeout`, which ends their channels.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use annals::outbox::rabbitmq::{QueueType, RabbitMqOptions, RabbitMqSource, Topology};
use annals::outbox::{Inbound, Mapping, Publisher, Reading};
use annals::prelude::*;
use annals::store::BoxError;
use annals::table::TableSpec;
use annals::{
    Annals, ConsumeError, EngineOptions, EventHandler, HandlerTables, Subscriber, async_trait, ops,
};
use futures_util::future::join_all;
use lapin::options::QueueDeclareOptions;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::{
    BOTH, PATIENCE, PAUSE, client, ids, message, nothing, open, options, plain, publisher, send,
    source, strict, to, why_down,
};
use crate::postgres::place::Place;

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_messages_for_too_long_gets_them_again() {
    join_all(BOTH.map(async |queue_type| {
        let server = strict().await;
        let queue = format!("orders.{queue_type:?}");
        let options = options(server.url(), &queue, queue_type);
        let publisher = publisher(&options).await;
        let mut receiver = open(&source(&options, &[&queue]).await).await;
        send(&publisher, &queue, 0..5).await;
        let (came, last) = ids(&mut *receiver, 5).await;
        assert_eq!(came, [0, 1, 2, 3, 4]);
        receiver.acknowledge(last - 3).await.expect("the broker is there");
        let why = why_down(&mut *receiver).await;
        assert!(why.contains("delivery acknowledgement") && why.contains("timed out"), "{why}");
        assert!(why.contains(&queue) && why.contains("raise `consumer_timeout`"), "{why}");
        send(&publisher, &queue, [5]).await;
        let (came, last) = ids(&mut *receiver, 4).await;
        assert_eq!(came, [2, 3, 4, 5]);
        receiver.acknowledge(last).await.expect("the broker is there");
        nothing(&mut *receiver).await;
    }))
    .await;
}

#[derive(Event, Debug, Clone)]
#[event(prefix = "order")]
enum OrderFact {
    Placed { order: u32 },
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "packed_orders")]
struct Packed {
    #[key]
    order: u32,
    times: i64,
}

/// What takes as long as the story wants, and how often it was done.
#[derive(Clone)]
struct Slow {
    begun: Arc<AtomicU32>,
    done: Arc<AtomicU32>,
    may_end: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        let (begun, done) = Default::default();
        Self { begun, done, may_end: Arc::new(Semaphore::new(0)) }
    }

    async fn work(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        drop(self.may_end.acquire().await.expect("nobody closes it"));
        self.done.fetch_add(1, Ordering::SeqCst);
    }

    fn may_end(&self) {
        self.may_end.add_permits(1);
    }

    fn times(&self) -> (u32, u32) {
        (self.begun.load(Ordering::SeqCst), self.done.load(Ordering::SeqCst))
    }
}

/// Has its effect in the store.
struct Packing(Slow);

#[async_trait]
impl EventHandler for Packing {
    type Event = OrderFact;
    const NAME: &'static str = "packing";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        vec![Packed::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<OrderFact>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        let OrderFact::Placed { order } = event.data;
        let times = tables.get::<Packed>(&order).await?.map_or(0, |row| row.times) + 1;
        self.0.work().await;
        tables.put(&Packed { order, times }).await
    }
}

/// Has its effect elsewhere.
struct Mailing(Slow);

#[async_trait]
impl Subscriber for Mailing {
    type Event = OrderFact;
    const NAME: &'static str = "mailing";

    async fn handle(&self, _: &Recorded<OrderFact>) -> Result<(), ConsumeError> {
        self.0.work().await;
        Ok(())
    }
}

async fn inbound(options: &RabbitMqOptions, queue: &str) -> Inbound {
    let source = RabbitMqSource::connect(options.clone(), [queue]).await;
    let mapping = Mapping::new("/type", "/data").stream("order", "/data/order");
    Inbound::new("shop", source.expect("the options are right")).reading(Reading::mapped(mapping))
}

/// A queue as the server shows it: how many messages are in it that nobody holds, and how many consumers.
async fn shown(queue: &str) -> (u32, u32) {
    let (_connection, channel) = client(&strict().await.url()).await;
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let found = channel.queue_declare(queue.into(), passive, Default::default()).await;
    let found = found.expect("it is there");
    (found.message_count(), found.consumer_count())
}

/// What people are told of a consumer that was cut off.
async fn told(shop: &Annals, consumer: &str) -> String {
    let looking = async {
        loop {
            let status = ops::consumer(&**shop.stores().work(), consumer).await;
            let status = status.expect("the store can be read").expect("it has begun");
            if let Some(told) = status.trouble.iter().find(|told| told.contains("timed out")) {
                return told.clone();
            }
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, looking).await.expect("people are told")
}

/// A handler in the store and one outside of it are slower than the server waits. Each message has its effect
/// once, people are told what happened and what they can do, and nothing stays behind in the queues.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_too_slow_has_its_effect_once() {
    let server = strict().await;
    let queues = ["orders.packing", "orders.mailing"];
    let topology = Topology::declared()
        .queue(queues[0], QueueType::Classic)
        .queue(queues[1], QueueType::Classic);
    let options = plain(server.url()).topology(topology);
    let publisher = publisher(&options).await;
    let send = async |order: u64| {
        let body = format!(r#"{{"type":"order.placed","data":{{"order":{order}}}}}"#);
        for queue in queues {
            let sent = publisher.publish(&to(queue), &message(order, body.clone())).await;
            sent.expect("the broker is there");
        }
    };
    send(1).await;
    let [packing, mailing] = [Slow::new(), Slow::new()];
    let engine = EngineOptions {
        // What people are told is written down three times in a lease, and stays for most of a pause.
        lease: Duration::from_millis(1_200),
        retry_after: Duration::from_secs(2),
        ..EngineOptions::default()
    };
    // Where others can write while a handler has its transaction.
    let place = Place::shared().await;
    let shop = Annals::on_shared(place.store().await).engine_options(engine);
    let shop = shop
        .handle_from(&inbound(&options, queues[0]).await, Packing(packing.clone()))
        .subscriber_from(&inbound(&options, queues[1]).await, Mailing(mailing.clone()));
    let shop = shop.start().await.expect("it starts");

    // Whose effect is outside goes on receiving meanwhile: it is told, and gets the message again.
    let why = told(&shop, "mailing").await;
    assert!(why.contains("orders.mailing"), "{why}");
    assert!(why.contains("raise `consumer_timeout` in rabbitmq.conf"), "{why}");
    // The other one has nothing but its handler, and is told when that has ended.
    let given_back = async {
        while packing.times().0 == 0 || shown(queues[0]).await != (1, 0) {
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, given_back).await.expect("the server loses its patience");
    packing.may_end();
    let why = told(&shop, "packing").await;
    assert!(why.contains("orders.packing") && why.contains("raise `consumer_timeout`"), "{why}");
    mailing.may_end();

    // They go on, and are quick now.
    packing.may_end();
    mailing.may_end();
    send(2).await;
    let going_on = async {
        while packing.times().1 < 2 || mailing.times().1 < 2 {
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, going_on).await.expect("they go on");
    let status = async || ops::consumers(&**shop.stores().work()).await.expect("readable");
    let calm = async {
        while status().await.iter().any(|consumer| !consumer.trouble.is_empty()) {
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, calm).await.expect("nothing is wrong any more");
    let rows = shop.read::<Packed>().list().await.expect("they can be read");
    assert_eq!(rows, [1, 2].map(|order| Packed { order, times: 1 }));
    shop.shutdown().await;
    assert_eq!(packing.times(), (2, 2), "begun and ended");
    assert_eq!(mailing.times(), (2, 2), "begun and ended");
    for queue in queues {
        assert_eq!(shown(queue).await, (0, 0), "{queue}");
    }
}
