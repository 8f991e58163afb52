//! The steps of all checkpoints on PostgreSQL, in the order of their commits.

use std::collections::BTreeSet;

use super::checks::{Step, none, one_owner};
use crate::postgres::place::Place;

/// Begins to write them down.
pub(super) async fn keep(place: &Place) {
    let sql = include_str!("history/keep.sql").replace("annals.", &place.name(""));
    place.client().await.batch_execute(&sql).await.expect("the schema is ours");
}

/// What has been written down so far.
pub(super) async fn steps(place: &Place) -> Vec<Step> {
    let sql = include_str!("history/read.sql").replace("annals.", &place.name(""));
    let rows = place.client().await.query(&sql, &[]).await.expect("the history can be read");
    let step = |row: &tokio_postgres::Row| Step {
        name: row.get(0),
        token: row.get(1),
        position: row.get(2),
    };
    rows.iter().map(step).collect()
}

/// Partitions changed hands so many times, and nobody who has lost one wrote to it.
pub(super) async fn check(place: &Place, hands: usize) {
    let steps = steps(place).await;
    let tokens: BTreeSet<_> = steps.iter().map(|step| (&step.name, step.token)).collect();
    println!("{} steps of checkpoints, {} tokens", steps.len(), tokens.len());
    assert!(tokens.len() > hands, "partitions changed hands");
    none(&one_owner(&steps));
}
