//! The PostgreSQL store keeps every promise of a store.

use std::sync::Arc;

use annals::store::{Operate, Store};
use annals::{Clock, PgStore};
use annals_testkit::Fixture;
use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::place::{Place, open};

/// A schema that goes away with the fixture.
#[derive(Default)]
pub(crate) struct PgFixture {
    place: OnceCell<Place>,
}

impl PgFixture {
    async fn at(&self, clock: Arc<dyn Clock>) -> Arc<PgStore> {
        let place = self.place.get_or_init(Place::shared).await;
        open(place.options().clock(clock)).await
    }
}

#[async_trait]
impl Fixture for PgFixture {
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

annals_testkit::conformance!(postgres, PgFixture::default());

#[test]
fn the_store_matches_the_model() {
    crate::store_against_model::store_matches_the_model(|| Box::<PgFixture>::default());
}
