//! NATS keeps every promise of a publisher and of a source: the system's version where a server is shared, the
//! newest where it is stopped and started.

use std::sync::Arc;

use annals_testkit::{Abilities, BrokerSubject, Place, Wanted};
use annals_tests::brokers::Kind;
use async_trait::async_trait;
use tokio::sync::Mutex;

use super::*;

annals_testkit::broker_conformance!(keeps, NatsSubject::open);

/// What a server takes if nobody says otherwise.
const MOST_BYTES: usize = 1_048_576;

struct NatsSubject {
    url: String,
    /// If it is this test's own.
    server: Option<Mutex<Nats>>,
}

impl NatsSubject {
    async fn open(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Shared => Self { url: Nats::shared().await, server: None },
            Wanted::Own => {
                let server = Nats::start_as(NatsKind::plain().newest()).await;
                Self { url: server.url(), server: Some(Mutex::new(server)) }
            }
        }
    }

    /// A place is a stream, and its lanes are subjects of that.
    fn options(&self) -> NatsOptions {
        NatsOptions::new(&self.url)
    }

    fn server(&self) -> &Mutex<Nats> {
        self.server.as_ref().expect("who stops a server has one of its own")
    }
}

#[async_trait]
impl BrokerSubject for NatsSubject {
    fn abilities(&self) -> Abilities {
        Abilities { most_bytes: Some(MOST_BYTES), ..Abilities::default() }
    }

    async fn make(&self, place: &Place) {
        let lanes = place.lane_names();
        let options = self.options().declare(NatsStream::new(&place.name, lanes.clone()));
        let publisher = NatsPublisher::connect(options).await.expect("the options are right");
        let addresses: Vec<Address> = lanes.into_iter().map(Address::new).collect();
        publisher.prepare(&addresses).await.expect("the stream can be made");
    }

    async fn publisher(&self) -> Arc<dyn Publisher> {
        Arc::new(NatsPublisher::connect(self.options()).await.expect("the options are right"))
    }

    async fn source(&self, place: &Place) -> Arc<dyn Source> {
        let source = NatsSource::connect(self.options(), &place.name, place.lane_names()).await;
        Arc::new(source.expect("the options are right"))
    }

    fn address(&self, place: &Place, key: &str) -> Address {
        Address::new(place.lane(place.lane_of(key)))
    }

    async fn stop(&self) {
        self.server().lock().await.kill();
    }

    async fn start(&self) {
        self.server().lock().await.restart().await;
    }
}
