//! From the file into the store, in bulk: one thread reads lines ahead while the store writes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use annals::Annals;
use annals::store::{Append, StoreError};
use flate2::bufread::MultiGzDecoder;
use tokio::sync::mpsc;

use crate::line::{Entry, LineError};

/// How many events one call brings into the store.
const BATCH_EVENTS: usize = 5_000;

/// How many batches are read ahead of the store.
const BATCHES_AHEAD: usize = 2;

/// The longest line that is taken, in bytes; those of the file have some 230.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// An import that stopped. What was imported before stays, and the next run goes on after it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("{} cannot be read: {source}\n(give the path of loans.ndjson.gz, such as ../shared/data/loans.ndjson.gz)", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}:{line}: {source}\n(the lines before it are imported: correct the line and run again, nothing is doubled)", path.display())]
    Line { path: PathBuf, line: u64, source: LineError },
    #[error(
        "the store holds other events of these cases than the file ({0}): use an empty store, with `--store sqlite://another.db`"
    )]
    OtherHistory(StoreError),
    #[error("the events could not be appended: {0}")]
    Append(annals::ImportError),
}

impl From<annals::ImportError> for ImportError {
    fn from(error: annals::ImportError) -> Self {
        match error.first_failure() {
            Some(first @ (StoreError::Conflict { .. } | StoreError::DuplicateEvent { .. })) => {
                Self::OtherHistory(first.clone())
            }
            _ => Self::Append(error),
        }
    }
}

/// What an import did so far.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Imported {
    pub(crate) new: u64,
    /// Events that an earlier run had brought in.
    pub(crate) repeated: u64,
    pub(crate) took: Duration,
}

impl Imported {
    pub(crate) fn events(&self) -> u64 {
        self.new + self.repeated
    }

    pub(crate) fn events_per_second(&self) -> f64 {
        self.events() as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// Imports a file, in the order of its lines.
pub(crate) async fn import(
    annals: &Annals,
    path: &Path,
    mut on_batch: impl FnMut(&Imported),
) -> Result<Imported, ImportError> {
    // What the error shows is where the file was looked for.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (batches, mut ready) = mpsc::channel(BATCHES_AHEAD);
    // The thread ends with the file, or when nobody takes its batches any more.
    tokio::task::spawn_blocking(move || {
        if let Err(error) = read_file(path, &batches) {
            let _ = batches.blocking_send(Err(error));
        }
    });
    let begun = Instant::now();
    let mut imported = Imported::default();
    while let Some(batch) = ready.recv().await {
        for appended in annals.import(batch?).await? {
            match appended.repeated {
                true => imported.repeated += 1,
                false => imported.new += 1,
            }
        }
        imported.took = begun.elapsed();
        on_batch(&imported);
    }
    Ok(imported)
}

type Batches = mpsc::Sender<Result<Vec<Append>, ImportError>>;

/// Reads the file to its end or to the first line that is wrong. The good lines before that one
/// are handed over first.
fn read_file(path: PathBuf, batches: &Batches) -> Result<(), ImportError> {
    let mut lines =
        open(&path).map_err(|source| ImportError::File { path: path.clone(), source })?;
    let mut next_index: HashMap<u32, u64> = HashMap::new();
    let (mut text, mut number, mut batch) = (Vec::new(), 0, Vec::with_capacity(BATCH_EVENTS));
    loop {
        text.clear();
        number += 1;
        let read = lines.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut text);
        let result = match read {
            Ok(0) => break,
            Ok(_) if text.trim_ascii().is_empty() => continue,
            Ok(_) => append_of(&text, &mut next_index),
            // A truncated or damaged archive shows at the line it breaks off in.
            Err(source) => Err(LineError::Unreadable(source)),
        };
        match result {
            Ok(append) => batch.push(append),
            Err(source) => {
                let _ = batches.blocking_send(Ok(batch));
                return Err(ImportError::Line { path, line: number, source });
            }
        }
        if batch.len() == BATCH_EVENTS {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_EVENTS));
            if batches.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
    }
    let _ = batches.blocking_send(Ok(batch));
    Ok(())
}

fn append_of(text: &[u8], next_index: &mut HashMap<u32, u64>) -> Result<Append, LineError> {
    let entry = Entry::read(text)?;
    let next = next_index.entry(entry.case).or_default();
    if entry.index != *next {
        let (case, expected, found) = (entry.case, *next, entry.index);
        return Err(LineError::OutOfOrder { case, expected, found });
    }
    *next += 1;
    entry.into_append()
}

/// The lines, whether the file is compressed or not.
fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let mut file = BufReader::with_capacity(256 * 1024, File::open(path)?);
    let compressed = file.fill_buf()?.starts_with(&GZIP);
    Ok(match compressed {
        true => Box::new(BufReader::with_capacity(256 * 1024, MultiGzDecoder::new(file))),
        false => Box::new(file),
    })
}
