//! Redis keeps every promise of a publisher and of a source.

use std::sync::{Arc, Mutex, PoisonError};

use annals_testkit::{Abilities, BrokerSubject, Place, Wanted};
use async_trait::async_trait;

use super::*;

/// The largest message that is taken, so that there is one that is too large.
const MOST_BYTES: usize = 2_000_000;

struct RedisSubject {
    url: String,
    /// If it is this test's own.
    server: Option<tokio::sync::Mutex<Redis>>,
    made: Mutex<Vec<String>>,
}

impl RedisSubject {
    async fn open(wanted: Wanted) -> Self {
        let made = Mutex::default();
        match wanted {
            Wanted::Shared => Self { url: Redis::shared().await, server: None, made },
            Wanted::Own => {
                let server = Redis::start().await;
                Self { url: server.url(), server: Some(tokio::sync::Mutex::new(server)), made }
            }
        }
    }

    fn options(&self) -> RedisOptions {
        RedisOptions::new(&self.url).declare(false).max_message_bytes(MOST_BYTES)
    }

    fn server(&self) -> &tokio::sync::Mutex<Redis> {
        self.server.as_ref().expect("who stops a server has one of its own")
    }
}

#[async_trait]
impl BrokerSubject for RedisSubject {
    fn abilities(&self) -> Abilities {
        Abilities { most_bytes: Some(MOST_BYTES), ..Abilities::default() }
    }

    async fn make(&self, place: &Place) {
        for lane in place.lane_names() {
            for group in &place.groups {
                ask(&self.url, &["XGROUP", "CREATE", &lane, group, "0", "MKSTREAM"]).await;
            }
            self.made.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
        }
    }

    async fn publisher(&self) -> Arc<dyn Publisher> {
        Arc::new(publisher(self.options()).await)
    }

    async fn source(&self, place: &Place) -> Arc<dyn Source> {
        let source = RedisSource::connect(self.options(), place.lane_names()).await;
        Arc::new(source.expect("good options"))
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

impl Drop for RedisSubject {
    fn drop(&mut self) {
        let made = self.made.get_mut().unwrap_or_else(PoisonError::into_inner);
        if self.server.is_some() || made.is_empty() {
            return;
        }
        // What cannot be removed now stays in a server of tests.
        let connected = redis::Client::open(&*self.url).and_then(|client| client.get_connection());
        if let Ok(mut connection) = connected {
            drop(redis::cmd("UNLINK").arg(&*made).query::<i64>(&mut connection));
        }
    }
}

annals_testkit::broker_conformance!(keeps, RedisSubject::open);
