//! Throwing the read models away and building them again, all at once.

use std::time::{Duration, Instant};

use annals::{Annals, RebuildError};
use futures_util::future::try_join_all;

use crate::read_models::NAMES;
use crate::screen::{RebuildBar, RebuildBars};

/// How one rebuild went.
pub(crate) struct Rebuilt {
    pub(crate) projection: &'static str,
    /// Events of the log it worked through.
    pub(crate) events: u64,
    pub(crate) took: Duration,
}

/// Rebuilds everything, with a progress bar each.
pub(crate) async fn all(annals: &Annals) -> Result<Vec<Rebuilt>, RebuildError> {
    let bars = RebuildBars::default();
    try_join_all(NAMES.map(|projection| one(annals, projection, bars.bar(projection)))).await
}

async fn one(
    annals: &Annals,
    projection: &'static str,
    bar: RebuildBar,
) -> Result<Rebuilt, RebuildError> {
    let begun = Instant::now();
    let mut rebuild = annals.rebuild_named(projection);
    while let Some(progress) = rebuild.next_progress().await {
        bar.show(&progress);
    }
    bar.clear();
    let events = rebuild.await?.events;
    Ok(Rebuilt { projection, events, took: begun.elapsed() })
}
