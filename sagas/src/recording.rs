//! Histories of instances as a file, to be told again to another version of the program.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ops::Shown;
use crate::step::Step;

/// The newest form of a recording that this program knows.
const FORMAT: u32 = 1;

/// What the first line of a recording says that it is.
const KIND: &str = "annals.saga.recording";

/// The longest line that is read: an instance with all its steps.
const MAX_LINE_BYTES: u64 = 256 << 20;

/// Histories of instances of a saga, as `annals sagas record` writes them: JSON, a line that says what it is,
/// and then an instance a line. [`replay`](Self::replay) tells them again to a program.
///
/// ```no_run
/// # use annals_core::{Event, Recorded};
/// # use annals_sagas::{Commands, Correlation, Flow, Recording, Saga};
/// # #[derive(Event)]
/// # #[event(name = "order.placed", crate = annals_core)]
/// # struct Placed;
/// # #[derive(Default)]
/// # struct Checkout;
/// # impl Saga for Checkout {
/// #     type Event = Placed;
/// #     const NAME: &'static str = "checkout";
/// #     const WITHIN: std::time::Duration = std::time::Duration::from_secs(3600);
/// #     fn commands() -> Commands { Commands::default() }
/// #     fn correlate(_: &Recorded<Placed>) -> Vec<Correlation> { vec![] }
/// #     fn on(&mut self, _: &Recorded<Placed>, _: &mut Flow) {}
/// # }
/// let replayed = Recording::read("tests/checkout.ndjson")?.replay::<Checkout>()?;
/// println!("{replayed}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The saga's name.
    pub saga: String,
    /// The instances.
    pub histories: Vec<History>,
}

/// An instance with all its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Which instance.
    pub instance: String,
    /// Its steps, the oldest first.
    pub steps: Vec<Step>,
}

impl From<Shown> for History {
    fn from(Shown { instance, steps, .. }: Shown) -> Self {
        Self { instance, steps }
    }
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    kind: String,
    format: u32,
    saga: String,
}

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file fails.
    #[error("{place}: {source}")]
    Io {
        /// The file.
        place: String,
        /// How.
        source: io::Error,
    },
    /// A line says nothing.
    #[error("{place}, line {line}: {why}")]
    Line {
        /// The file.
        place: String,
        /// Which line, from 1.
        line: u64,
        /// Why not.
        why: String,
    },
    /// A newer version has written it.
    #[error(
        "{place} is a recording of format {format}, and this program knows none behind {FORMAT}: read it with a \
         newer version of Annals"
    )]
    Newer {
        /// The file.
        place: String,
        /// Its format.
        format: u32,
    },
}

impl Recording {
    /// Reads a file.
    ///
    /// # Errors
    /// [`RecordingError`] names the file, the line and what is wrong with it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let place = path.as_ref().display().to_string();
        match File::open(path) {
            Ok(file) => Self::of(BufReader::new(file), &place),
            Err(source) => Err(RecordingError::Io { place, source }),
        }
    }

    /// Reads a recording from a place that has this name in errors.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn of(input: impl BufRead, place: &str) -> Result<Self, RecordingError> {
        let mut lines = Lines { input, place, line: 0 };
        let Some(first) = lines.next()? else {
            return Err(lines.wrong("it is empty, and no recording of a saga".to_owned()));
        };
        let saga = lines.header(&first)?;
        let mut histories = Vec::new();
        while let Some(text) = lines.next()? {
            let history = serde_json::from_slice(&text);
            histories.push(history.map_err(|error| lines.wrong(in_line(&error)))?);
        }
        Ok(Self { saga, histories })
    }

    /// Writes a file, in place of what is there.
    ///
    /// # Errors
    /// [`RecordingError::Io`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), RecordingError> {
        let written = File::create(&path).and_then(|file| {
            let mut out = BufWriter::new(file);
            writeln!(out, "{}", Self::header(&self.saga)?)?;
            for history in &self.histories {
                writeln!(out, "{}", history.line()?)?;
            }
            out.flush()
        });
        let place = || path.as_ref().display().to_string();
        written.map_err(|source| RecordingError::Io { place: place(), source })
    }

    /// The first line of a recording of a saga, for whoever writes one line after the other.
    ///
    /// # Errors
    /// None that is known: a name can be written.
    pub fn header(saga: &str) -> io::Result<String> {
        let header = Header { kind: KIND.to_owned(), format: FORMAT, saga: saga.to_owned() };
        Ok(serde_json::to_string(&header)?)
    }
}

impl History {
    /// Its line in a recording.
    ///
    /// # Errors
    /// None that is known: steps are read from JSON.
    pub fn line(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

struct Lines<'p, R> {
    input: R,
    place: &'p str,
    /// The number of the line that was read last.
    line: u64,
}

impl<R: BufRead> Lines<'_, R> {
    /// The next line that is not empty.
    fn next(&mut self) -> Result<Option<Vec<u8>>, RecordingError> {
        loop {
            let mut text = Vec::new();
            self.line += 1;
            let read = self.input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut text);
            let read = read.map_err(|source| {
                let place = self.place.to_owned();
                RecordingError::Io { place, source }
            })?;
            if read as u64 == MAX_LINE_BYTES && !text.ends_with(b"\n") {
                return Err(self.wrong(format!("it is longer than {MAX_LINE_BYTES} bytes")));
            }
            match (read, text.trim_ascii().is_empty()) {
                (0, _) => return Ok(None),
                (_, true) => {}
                (_, false) => return Ok(Some(text)),
            }
        }
    }

    /// The saga that the first line names.
    fn header(&self, text: &[u8]) -> Result<String, RecordingError> {
        /// What every format says.
        #[derive(Deserialize)]
        struct Begins {
            kind: String,
            format: u32,
        }
        let no = |why: String| self.wrong(format!("this is no recording of a saga: {why}"));
        let Begins { kind, format } =
            serde_json::from_slice(text).map_err(|error| no(in_line(&error)))?;
        if kind != KIND {
            return Err(no(format!("its kind is `{kind}`, and not `{KIND}`")));
        }
        if format > FORMAT {
            return Err(RecordingError::Newer { place: self.place.to_owned(), format });
        }
        let header: Header = serde_json::from_slice(text).map_err(|error| no(in_line(&error)))?;
        Ok(header.saga)
    }

    fn wrong(&self, why: String) -> RecordingError {
        RecordingError::Line { place: self.place.to_owned(), line: self.line, why }
    }
}

/// It counts the lines of the text that it was given, which are one.
fn in_line(error: &serde_json::Error) -> String {
    error.to_string().replace("at line 1 column", "at column").replace("line 2 column 0", "its end")
}
