//! What a case has around it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use annals_outbox::{Address, Part, Publisher, ReceiveError, Source};

use super::reader::Reader;
use super::sender::Sender;
use super::subject::{Abilities, BrokerSubject, Place};

/// The group of cases that need one.
pub(super) const GROUP: &str = "readers";

/// How long everybody rests before trying again: a broker does not tell when it is back.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// All lanes.
pub(super) const WHOLE: Part = Part { index: 0, of: 1 };

/// The broker under test, as a case sees it: every wait has a limit, and a message for its end.
#[derive(Clone)]
pub struct Scene {
    pub(super) subject: Arc<dyn BrokerSubject>,
    pub(super) patience: Duration,
    /// The test's name with its modules, as the test program lists it.
    pub(super) test: &'static str,
}

impl Scene {
    /// What the broker can do.
    pub fn abilities(&self) -> Abilities {
        self.subject.abilities()
    }

    /// Whether the broker has an ability; says what is left out when it does not.
    pub fn can(&self, ability: bool, what: &str) -> bool {
        if !ability {
            println!("skipped: the broker declares that {what}");
        }
        ability
    }

    /// Whether the server can be stopped; says so when it cannot.
    pub fn can_stop(&self) -> bool {
        self.can(self.abilities().outages, "its server cannot be stopped")
    }

    /// A fresh place with so many lanes, for one group.
    pub async fn place(&self, lanes: u32) -> Place {
        self.place_for(lanes, &[GROUP]).await
    }

    /// A fresh place for these groups.
    pub async fn place_for(&self, lanes: u32, groups: &[&str]) -> Place {
        let place = self.unmade(lanes, groups);
        self.make(&place).await;
        place
    }

    /// A place that nobody has made.
    pub fn unmade(&self, lanes: u32, groups: &[&str]) -> Place {
        let case = self.test.rsplit("::").next().unwrap_or(self.test);
        Place::fresh(case, lanes, groups)
    }

    /// Makes a place.
    pub async fn make(&self, place: &Place) {
        self.within("the place is made", self.subject.make(place)).await;
    }

    /// A publisher.
    pub async fn publisher(&self) -> Arc<dyn Publisher> {
        self.within("a publisher is there", self.subject.publisher()).await
    }

    /// Sends to a place.
    pub async fn sender(&self, place: &Place) -> Sender {
        Sender { publisher: self.publisher().await, place: place.clone(), scene: self.clone() }
    }

    /// A source of a place.
    pub async fn source(&self, place: &Place) -> Arc<dyn Source> {
        self.within("a source is there", self.subject.source(place)).await
    }

    /// Opens all lanes of a place for the one group.
    pub async fn reader(&self, place: &Place) -> Reader {
        self.open(&*self.source(place).await, GROUP, WHOLE).await
    }

    /// Opens all lanes of a place for the one group, as soon as the broker is up again.
    pub async fn reader_at_last(&self, place: &Place) -> Reader {
        let source = self.source(place).await;
        let opened = async {
            loop {
                match source.open(GROUP, WHOLE).await {
                    Ok(receiver) => return Reader::new(receiver, self),
                    Err(ReceiveError::Down { .. }) => tokio::time::sleep(PAUSE).await,
                    Err(error) => panic!("an outage is told as one: {error:?}"),
                }
            }
        };
        self.within("all lanes are opened after the outage", opened).await
    }

    /// Opens a part of a source for a group.
    pub async fn open(&self, source: &dyn Source, group: &str, part: Part) -> Reader {
        let opened = self.within("the part is opened", source.open(group, part)).await;
        let receiver = opened.unwrap_or_else(|error| {
            panic!("part {} of {} is not opened: {error}", part.index, part.of)
        });
        Reader::new(receiver, self)
    }

    /// Where messages of a key go.
    pub fn address(&self, place: &Place, key: &str) -> Address {
        self.subject.address(place, key)
    }

    /// Stops the server.
    pub async fn stop(&self) {
        self.within("the server is stopped", self.subject.stop()).await;
    }

    /// Starts the server again.
    pub async fn start(&self) {
        self.within("the server is started", self.subject.start()).await;
    }

    /// Waits for what the broker promises, and for no longer than patience lasts.
    pub async fn within<T>(&self, promise: &str, future: impl Future<Output = T>) -> T {
        within(self.patience, promise, future).await
    }
}

/// Waits for what is promised.
pub(super) async fn within<T>(
    patience: Duration,
    promise: &str,
    future: impl Future<Output = T>,
) -> T {
    match tokio::time::timeout(patience, future).await {
        Ok(value) => value,
        Err(_) => panic!("{promise}: not within {patience:?}"),
    }
}
