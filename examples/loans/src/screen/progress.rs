//! What moves while the program works; nothing is shown when the output is no terminal.

use annals::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::number;
use crate::import::Imported;

/// How far the import has got.
pub(crate) struct ImportLine(ProgressBar);

impl ImportLine {
    pub(crate) fn new() -> Self {
        Self(ProgressBar::new_spinner().with_style(style("{spinner} {msg}")))
    }

    pub(crate) fn show(&self, so_far: &Imported) {
        self.0.set_message(describe(so_far));
        self.0.tick();
    }

    pub(crate) fn finish(self, imported: &Imported) {
        self.0.finish_and_clear();
        println!("{}", describe(imported));
    }
}

fn describe(imported: &Imported) -> String {
    format!(
        "{} events in {:.1} s, {} a second: {} new, {} repeated",
        number(imported.events()),
        imported.took.as_secs_f64(),
        number(imported.events_per_second() as u64),
        number(imported.new),
        number(imported.repeated),
    )
}

/// How far the rebuilds have got that run at the same time.
#[derive(Default)]
pub(crate) struct RebuildBars(MultiProgress);

impl RebuildBars {
    pub(crate) fn bar(&self, projection: &'static str) -> RebuildBar {
        let style = style("{prefix:26} {wide_bar} {human_pos}/{human_len}  {msg}");
        let bar = ProgressBar::new(0).with_style(style).with_prefix(projection);
        RebuildBar(self.0.add(bar))
    }
}

/// How far one rebuild has got.
pub(crate) struct RebuildBar(ProgressBar);

impl RebuildBar {
    pub(crate) fn show(&self, progress: &Progress) {
        self.0.set_length(progress.total);
        self.0.set_position(progress.events);
        self.0.set_message(format!("{} events/s", number(progress.events_per_second as u64)));
    }

    pub(crate) fn clear(self) {
        self.0.finish_and_clear();
    }
}

/// A template of this file; a wrong one would only look plain.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
