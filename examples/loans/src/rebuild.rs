//! Throwing the read models away and building them again, one after the other.

use std::time::{Duration, Instant};

use annals::{Annals, RebuildError};

use crate::read_models::NAMES;
use crate::screen::RebuildBar;

/// How one rebuild went.
pub(crate) struct Rebuilt {
    pub(crate) projection: &'static str,
    /// Events of the log it worked through.
    pub(crate) events: u64,
    pub(crate) took: Duration,
}

/// Rebuilds everything, with a progress bar each.
pub(crate) async fn all(annals: &Annals) -> Result<Vec<Rebuilt>, RebuildError> {
    let mut rebuilt = Vec::new();
    for projection in NAMES {
        let begun = Instant::now();
        let mut rebuild = annals.rebuild_named(projection);
        let bar = RebuildBar::new(projection);
        while let Some(progress) = rebuild.next_progress().await {
            bar.show(&progress);
        }
        bar.clear();
        let events = rebuild.await?.events;
        rebuilt.push(Rebuilt { projection, events, took: begun.elapsed() });
    }
    Ok(rebuilt)
}
