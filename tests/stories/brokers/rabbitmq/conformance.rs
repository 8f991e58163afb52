//! RabbitMQ keeps every promise of a publisher and of a source, with classic queues: those whose order is
//! promised. Quorum queues have stories of their own.

use std::sync::{Arc, PoisonError};

use annals::outbox::rabbitmq::{
    ExchangeType, QueueType, RabbitMqOptions, RabbitMqPublisher, RabbitMqSource, Topology,
};
use annals::outbox::{Address, Publisher, Source};
use annals_testkit::{Abilities, BrokerSubject, Place, Wanted};
use annals_tests::brokers::{Breakable, RabbitMq, RabbitMqKind};
use async_trait::async_trait;
use tokio::sync::Mutex;

use super::remove;

/// A place is an exchange that leads to a queue for each lane and group.
struct RabbitMqSubject {
    url: String,
    /// If nobody else uses it meanwhile.
    server: Option<Mutex<Breakable<RabbitMqKind>>>,
    made: std::sync::Mutex<Vec<Place>>,
}

/// The queue of a lane, for each group.
fn queue(place: &Place, lane: u32) -> String {
    format!("{}.{{group}}", place.lane(lane))
}

fn queues_of_lane(place: &Place, lane: u32) -> impl Iterator<Item = String> {
    place.groups.iter().map(move |group| queue(place, lane).replace("{group}", group))
}

fn queues_of(place: &Place) -> impl Iterator<Item = String> {
    (0..place.lanes).flat_map(move |lane| queues_of_lane(place, lane))
}

impl RabbitMqSubject {
    async fn open(wanted: Wanted) -> Self {
        let made = Default::default();
        match wanted {
            Wanted::Shared => Self { url: RabbitMq::shared().await, server: None, made },
            Wanted::Own => {
                let server = Breakable::take().await;
                let url = server.url();
                Self { url, server: Some(Mutex::new(server)), made }
            }
        }
    }

    /// What is there is checked, and not made by whoever needs it. Some cases hold more than a thousand messages
    /// before they acknowledge one.
    fn options(&self) -> RabbitMqOptions {
        RabbitMqOptions::new(&self.url).prefetch(2_000)
    }

    fn server(&self) -> &Mutex<Breakable<RabbitMqKind>> {
        self.server.as_ref().expect("who stops a server has one of its own")
    }
}

#[async_trait]
impl BrokerSubject for RabbitMqSubject {
    /// How large a message may be is up to the server, 128 MiB if nobody says otherwise: stories of their own
    /// go beyond the limit of a server of their own. What is acknowledged while the server is down is said on a
    /// channel that is gone.
    fn abilities(&self) -> Abilities {
        Abilities { acknowledges_later: false, ..Abilities::default() }
    }

    async fn make(&self, place: &Place) {
        let mut topology = Topology::declared().exchange(&place.name, ExchangeType::Direct);
        for lane in 0..place.lanes {
            for queue in queues_of_lane(place, lane) {
                topology = topology.queue(&queue, QueueType::Classic).bind(
                    queue,
                    &place.name,
                    lane.to_string(),
                );
            }
        }
        let maker = RabbitMqPublisher::connect(self.options().topology(topology)).await;
        let maker = maker.expect("the options are right");
        maker.prepare(&[Address::new(&place.name)]).await.expect("the place can be made");
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(place.clone());
    }

    async fn publisher(&self) -> Arc<dyn Publisher> {
        let publisher = RabbitMqPublisher::connect(self.options()).await;
        Arc::new(publisher.expect("the options are right"))
    }

    async fn source(&self, place: &Place) -> Arc<dyn Source> {
        let queues = (0..place.lanes).map(|lane| queue(place, lane));
        let options = match place.name.contains("a_slow_consumer") {
            // It is about the memory of whoever leaves the limit as it is.
            true => RabbitMqOptions::new(&self.url),
            false => self.options(),
        };
        let source = RabbitMqSource::connect(options, queues).await;
        Arc::new(source.expect("the options are right"))
    }

    fn address(&self, place: &Place, key: &str) -> Address {
        Address::new(&place.name).routing_key(place.lane_of(key).to_string())
    }

    async fn stop(&self) {
        self.server().lock().await.kill();
    }

    async fn start(&self) {
        self.server().lock().await.restart().await;
    }
}

impl Drop for RabbitMqSubject {
    fn drop(&mut self) {
        let made = std::mem::take(self.made.get_mut().unwrap_or_else(PoisonError::into_inner));
        let queues = made.iter().flat_map(queues_of).collect();
        let exchanges = made.into_iter().map(|place| place.name).collect();
        let url = self.url.clone();
        // The client is asynchronous, and whoever drops us may be so too. What cannot be removed now stays in
        // a server of tests.
        let removing = std::thread::spawn(move || remove(&url, queues, exchanges));
        let _ = removing.join();
    }
}

annals_testkit::broker_conformance!(suite, RabbitMqSubject::open);
