//! Kafka keeps every promise of a publisher and of a source.

use std::sync::Arc;

use annals_testkit::{Abilities, BrokerSubject, Place, Wanted};
use async_trait::async_trait;
use tokio::sync::Mutex;

use super::*;

annals_testkit::broker_conformance!(suite, KafkaSubject::open);

/// What a topic takes if nobody says otherwise.
const MOST_BYTES: usize = 1_048_588;

struct KafkaSubject {
    url: String,
    own: Option<Mutex<Breakable<KafkaKind>>>,
}

impl KafkaSubject {
    async fn open(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Shared => Self { url: Kafka::shared().await, own: None },
            Wanted::Own => {
                let server = Breakable::<KafkaKind>::take().await;
                Self { url: server.url(), own: Some(Mutex::new(server)) }
            }
        }
    }

    fn own(&self) -> &Mutex<Breakable<KafkaKind>> {
        self.own.as_ref().expect("only a server of one's own is stopped")
    }
}

#[async_trait]
impl BrokerSubject for KafkaSubject {
    fn abilities(&self) -> Abilities {
        Abilities { most_bytes: Some(MOST_BYTES), ..Abilities::default() }
    }

    async fn make(&self, place: &Place) {
        let lanes = i32::try_from(place.lanes).expect("a few");
        make(&self.url, &place.name, lanes, &[]).await;
    }

    async fn publisher(&self) -> Arc<dyn Publisher> {
        // Whoever sends to a server that is stopped is told at the limit.
        let options = if self.own.is_some() { hasty(&self.url) } else { options(&self.url) };
        Arc::new(KafkaPublisher::connect(options).await.expect("good options"))
    }

    async fn source(&self, place: &Place) -> Arc<dyn Source> {
        Arc::new(source(&self.url, &[&place.name]).await)
    }

    fn address(&self, place: &Place, _: &str) -> Address {
        Address::new(&place.name)
    }

    async fn stop(&self) {
        self.own().lock().await.kill();
    }

    async fn start(&self) {
        self.own().lock().await.restart().await;
    }
}
