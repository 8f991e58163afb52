//! Through PgBouncer in transaction mode, where each transaction may run on another connection, the
//! store keeps every promise as well.

use std::sync::Arc;

use annals::store::{Operate, Store};
use annals::{Clock, PgStore};
use annals_testkit::Fixture;
use annals_tests::postgres::Bouncer;
use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::place::{Place, open};

/// How many connections of the server all clients of the pooler share.
const CONNECTIONS: usize = 5;

#[derive(Default)]
struct PooledFixture {
    place: OnceCell<(Bouncer, Place)>,
}

impl PooledFixture {
    async fn at(&self, clock: Arc<dyn Clock>) -> Arc<PgStore> {
        let start = || async {
            let place = Place::shared().await;
            (Bouncer::to(&place.url, CONNECTIONS).await, place)
        };
        let (bouncer, place) = self.place.get_or_init(start).await;
        open(place.options_at(bouncer.url()).pooler().clock(clock)).await
    }
}

#[async_trait]
impl Fixture for PooledFixture {
    async fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        self.at(clock).await
    }

    async fn reopen(&self, clock: Arc<dyn Clock>) -> Option<Arc<dyn Store>> {
        Some(self.at(clock).await)
    }

    async fn operate(&self, clock: Arc<dyn Clock>) -> Option<Arc<dyn Operate>> {
        Some(self.at(clock).await)
    }
}

annals_testkit::conformance!(pooled, PooledFixture::default());

#[test]
fn the_store_matches_the_model() {
    crate::store_against_model::store_matches_the_model(|| Box::<PooledFixture>::default());
}
