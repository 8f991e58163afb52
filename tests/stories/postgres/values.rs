//! The story of rows in memory and rows that are stored, on PostgreSQL.

use std::sync::Arc;

use annals::store::Store;

use super::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_the_same_on_postgres() {
    let place = Place::shared().await;
    let open = async || place.store().await as Arc<dyn Store>;
    crate::values::rows_are_the_same(open).await;
}
