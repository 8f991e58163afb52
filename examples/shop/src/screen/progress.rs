//! Progress: a bar on a terminal, a line at every quarter elsewhere.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Screen, count};

const TEMPLATE: &str = "  {prefix:<20} [{bar:20}] {pos:>6} of {len:<6} {wide_msg}";

pub(crate) struct Progress {
    screen: Screen,
    bar: Option<ProgressBar>,
    name: &'static str,
    total: AtomicU64,
    /// How many quarters have been said.
    said: AtomicU64,
}

impl Progress {
    pub(super) fn new(screen: Screen, name: &'static str, total: u64) -> Self {
        let bar = screen.bars.as_ref().map(|bars| {
            let style = ProgressStyle::with_template(TEMPLATE);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(total).with_prefix(name);
            bars.add(bar).with_style(style.progress_chars("█▌░"))
        });
        Self { screen, bar, name, total: total.into(), said: AtomicU64::new(0) }
    }

    /// For a total that grows on the way.
    pub(crate) fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_length(total);
        }
    }

    /// `done` of the total, and a word on it.
    pub(crate) fn set(&self, done: u64, note: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            bar.set_message(note());
            bar.set_position(done);
            return;
        }
        let total = self.total.load(Ordering::Relaxed);
        let quarters = done.saturating_mul(4).checked_div(total).unwrap_or(4);
        if quarters > self.said.fetch_max(quarters, Ordering::Relaxed) {
            let (done, total) = (count(done), count(total));
            self.screen.say(format_args!("  {:<20} {done} of {total}  {}", self.name, note()));
        }
    }

    /// Ends it; the bar stays, full.
    pub(crate) fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}
