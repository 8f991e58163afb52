//! How far something long has come, on the standard error, if that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar, or a count where nobody knows how much there is.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// So many are to come, in `unit`.
    pub(crate) fn new(total: Option<u64>, unit: Unit) -> Self {
        // Nothing is drawn where there is no terminal.
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        let template = match (unit, total) {
            (Unit::Events, Some(_)) => "{wide_bar} {human_pos}/{human_len} events, {eta} left",
            (Unit::Events, None) => "{spinner} {human_pos} events",
            (Unit::Instances, _) => "{spinner} {human_pos} instances",
            (Unit::Timers, _) => "{spinner} {human_pos} timers",
            (Unit::Bytes, Some(_)) => "{wide_bar} {binary_bytes}/{binary_total_bytes}, {eta} left",
            (Unit::Bytes, None) => "{spinner} {binary_bytes}",
        };
        let style = ProgressStyle::with_template(template);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    pub(crate) fn reach(&self, position: u64) {
        self.0.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Events,
    Bytes,
    Instances,
    Timers,
}
