//! Throwing a read model away while customers go on buying.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use annals::{Annals, Progress};

use crate::Failure;
use crate::read_models::{OrderRow, Orders};
use crate::screen::{Screen, count, seconds};
use crate::shop;

/// What the rebuild did, and what it must not have changed.
pub(super) struct Rebuilt {
    progress: Progress,
    took: Duration,
    /// The rows that served before it.
    old: Vec<OrderRow>,
}

/// Rebuilds `orders` and shows how it gets on.
pub(super) async fn rebuild(annals: Annals, screen: Screen) -> Result<Rebuilt, Failure> {
    let old = shop::rows::<OrderRow>(&annals).await?;
    let begun = Instant::now();
    let mut handle = annals.rebuild::<Orders>();
    let bar = screen.progress("rebuild of `orders`", handle.progress().total);
    while let Some(progress) = handle.next_progress().await {
        bar.set_total(progress.total);
        bar.set(progress.events, || {
            format!("events, {} a second", count(progress.events_per_second as u64))
        });
    }
    bar.finish();
    Ok(Rebuilt { progress: handle.await?, took: begun.elapsed(), old })
}

impl Rebuilt {
    /// The rows of now must be the old rows and what came since. Orders that were still open may
    /// have been closed meanwhile; all others must be what they were, to the last field.
    pub(super) async fn check(&self, annals: &Annals, screen: &Screen) -> Result<bool, Failure> {
        let rows = shop::rows::<OrderRow>(annals).await?;
        let new: HashMap<&str, &OrderRow> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
        let (closed, open): (Vec<_>, Vec<_>) = self.old.iter().partition(|row| is_closed(row));
        let lost = closed.iter().filter(|row| new.get(row.id.as_str()) != Some(row)).count()
            + open.iter().filter(|row| !new.contains_key(row.id.as_str())).count();
        screen.heading("The rebuild");
        screen.say(format_args!(
            "  {} events of the log folded in {} while the old rows served",
            count(self.progress.events),
            seconds(self.took)
        ));
        screen.say(format_args!(
            "  {} rows before = {} closed and unchanged + {} that were still open; {} rows came since  {}",
            count(self.old.len()),
            count(closed.len()),
            count(open.len()),
            count(rows.len().saturating_sub(self.old.len())),
            if lost == 0 { "✓".to_owned() } else { format!("✗ {lost} are not as they were") }
        ));
        Ok(lost == 0)
    }
}

/// Whether nothing more can happen to it.
fn is_closed(row: &OrderRow) -> bool {
    match row.status.as_str() {
        "placed" => false,
        "credit" => row.note.ends_with("refunded"),
        _ => true,
    }
}
