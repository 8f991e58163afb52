//! What the user sees: lines, progress, tables and charts.

mod charts;
mod numbers;
mod progress;
mod tables;

pub(crate) use charts::{Bar, chart};
pub(crate) use numbers::{count, money, seconds};
pub(crate) use progress::Progress;
pub(crate) use tables::{Column, table};

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};

/// Standard output: a terminal, or something that wants plain lines. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Screen {
    bars: Option<MultiProgress>,
    silent: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let bars = terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout()));
        Self { bars, silent: false }
    }

    /// For tests.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self { bars: None, silent: true }
    }

    /// Prints a line, or several, above whatever progress is shown.
    pub(crate) fn say(&self, text: impl Display) {
        if self.silent {
            return;
        }
        let print = || {
            let mut out = std::io::stdout().lock();
            // A reader who has gone away, as `head` does, has seen enough.
            let _ = writeln!(out, "{text}").and_then(|()| out.flush());
        };
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    pub(crate) fn heading(&self, text: impl Display) {
        self.say(format_args!("\n{text}"));
    }

    /// Shows how something gets on.
    pub(crate) fn progress(&self, name: &'static str, total: u64) -> Progress {
        Progress::new(self.clone(), name, total)
    }
}
