//! The PostgreSQL store keeps every promise of a store.

use std::sync::Arc;

use annals::store::Store;
use annals::{Clock, PgCommit};
use annals_testkit::Fixture;
use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::place::{Place, open};

/// A schema that goes away with the fixture.
#[derive(Default)]
pub(crate) struct PgFixture {
    place: OnceCell<Place>,
    commit: PgCommit,
}

impl PgFixture {
    /// Events that are seen before they are durable are seen in the same order.
    fn behind_a_barrier() -> Self {
        Self { commit: PgCommit::BehindBarrier, ..Self::default() }
    }

    async fn at(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        let place = self.place.get_or_init(Place::shared).await;
        open(place.options().clock(clock).commit(self.commit)).await
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
}

annals_testkit::conformance!(postgres, PgFixture::default());

#[test]
fn the_store_matches_the_model() {
    crate::store_against_model::store_matches_the_model(|| Box::<PgFixture>::default());
}

mod behind_a_barrier {
    use super::PgFixture;

    annals_testkit::conformance!(postgres, PgFixture::behind_a_barrier());

    #[test]
    fn the_store_matches_the_model() {
        crate::store_against_model::store_matches_the_model(|| {
            Box::new(PgFixture::behind_a_barrier())
        });
    }
}
