//! The broker within the process, under test.

use std::sync::Arc;
use std::time::Duration;

use annals_outbox::{Address, MemoryBroker, Publisher, Source};
use async_trait::async_trait;

use super::subject::{Abilities, BrokerSubject, Place, Wanted};

/// The largest message that it takes, so that there is one that is too large.
const MOST_BYTES: usize = 2_000_000;

/// A [`MemoryBroker`] under test.
#[derive(Debug)]
pub struct MemoryBrokerSubject {
    broker: MemoryBroker,
}

impl MemoryBrokerSubject {
    /// A broker of its own, whichever is wanted.
    pub async fn open(_: Wanted) -> Self {
        let broker = MemoryBroker::default();
        broker.take_at_most(MOST_BYTES);
        Self { broker }
    }
}

#[async_trait]
impl BrokerSubject for MemoryBrokerSubject {
    fn abilities(&self) -> Abilities {
        Abilities {
            most_bytes: Some(MOST_BYTES),
            missing: false,
            in_process: true,
            acknowledged_within: Duration::from_millis(50),
            ..Abilities::default()
        }
    }

    async fn make(&self, _: &Place) {
        // Topics come to be with their first message, and groups begin at the first one.
    }

    async fn publisher(&self) -> Arc<dyn Publisher> {
        Arc::new(self.broker.clone())
    }

    async fn source(&self, place: &Place) -> Arc<dyn Source> {
        Arc::new(self.broker.source(place.lane_names()))
    }

    fn address(&self, place: &Place, key: &str) -> Address {
        Address::new(place.lane(place.lane_of(key)))
    }

    async fn stop(&self) {
        self.broker.go_down("it was stopped by the test");
    }

    async fn start(&self) {
        self.broker.come_up();
    }
}
