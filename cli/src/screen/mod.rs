//! What is shown: lines for people, JSON for programs.

mod escape;
mod event;
mod progress;
mod table;

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use annals::store::Severity;
use serde::Serialize;

use crate::failure::Failure;

use escape::visible_json;
pub(crate) use escape::{escaped, one_line};
pub(crate) use event::EventJson;
pub(crate) use progress::{Progress, Unit};
pub(crate) use table::table;

/// How much is written at once.
const BUFFER_BYTES: usize = 256 << 10;

/// The standard output.
pub(crate) struct Screen {
    out: BufWriter<Stdout>,
    json: bool,
    color: bool,
    terminal: bool,
}

impl Screen {
    pub(crate) fn new(json: bool, no_color: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let asked_not = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = terminal && !no_color && !asked_not;
        Self { out: BufWriter::with_capacity(BUFFER_BYTES, io::stdout()), json, color, terminal }
    }

    /// Whether JSON is asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// A line for people, in which nothing of outside is left that a terminal would obey.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.write(text)
    }

    /// A value for programs, on a line of its own.
    pub(crate) fn json<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|error| Failure::Io(error.to_string()))?;
        self.json_line(text)
    }

    /// JSON text on a line of its own. Line breaks can stand only between its tokens.
    pub(crate) fn json_line(&mut self, text: String) -> Result<(), Failure> {
        let text = on_one_line(text);
        if self.terminal { self.write(&visible_json(&text)) } else { self.write(&text) }
    }

    /// How bad it is, in its color.
    pub(crate) fn paint(&self, severity: Severity) -> String {
        let text = format!("{severity:<4}");
        let color = match severity {
            Severity::Ok => 32,
            Severity::Warn => 33,
            Severity::Bad => 31,
        };
        if self.color { format!("\u{1b}[{color}m{text}\u{1b}[0m") } else { text }
    }

    /// Empties a terminal, before the same is shown again.
    pub(crate) fn clear(&mut self) -> Result<(), Failure> {
        match self.terminal && !self.json {
            true => self.out.write_all(b"\x1b[H\x1b[2J").map_err(explain),
            false => Ok(()),
        }
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(explain)
    }

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        self.out.write_all(line.as_bytes()).map_err(explain)?;
        self.out.write_all(b"\n").map_err(explain)
    }
}

/// JSON without line breaks. Inside its strings there are none.
pub(crate) fn on_one_line(text: String) -> String {
    match text.contains(['\n', '\r']) {
        true => text.replace(['\n', '\r'], " "),
        false => text,
    }
}

/// A time span for people.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}

fn explain(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Io(format!("the output cannot be written: {error}")),
    }
}
