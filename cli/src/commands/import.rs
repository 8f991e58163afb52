//! `annals import`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use annals::RecordedEvent;
use annals::store::{Operate, Restored, StoreError};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::arguments::Import;
use crate::failure::Failure;
use crate::file::{Batch, LineFailure, read_batches};
use crate::screen::{Progress, Screen, Unit};

/// How many batches are read ahead of the store.
const BATCHES_AHEAD: usize = 2;

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// What an import did so far.
#[derive(Debug, Default, Serialize)]
struct Imported {
    /// Events of the file, up to its end or to where it stopped.
    events: u64,
    written: u64,
    /// Events that an earlier import had written.
    present: u64,
    /// Events that are recorded later than in the file, because the store had later ones.
    delayed: u64,
    schemas: u64,
    /// Events without a schema that fits.
    unchecked: u64,
    head: u64,
}

impl Imported {
    fn add(&mut self, restored: Restored) {
        self.events += restored.written + restored.present;
        self.written += restored.written;
        self.present += restored.present;
        self.delayed += restored.delayed;
        self.head = self.head.max(restored.head.get());
    }
}

pub(crate) async fn import(
    store: &dyn Operate,
    import: &Import,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let file = import.file.as_deref().filter(|path| path.as_os_str() != "-");
    let (input, bytes) = open(file)?;
    let name = file.map_or("standard input".to_owned(), |path| path.display().to_string());
    let known = store.schemas().await?;
    let (batches, mut ready) = mpsc::channel(BATCHES_AHEAD);
    let check = !import.unchecked;
    // The thread ends with the file, or when nobody takes its batches any more.
    std::thread::spawn(move || read_batches(input, known, check, &batches));
    let progress = Progress::new(bytes, Unit::Bytes);
    let mut imported = Imported { head: store.head().await?.get(), ..Imported::default() };
    while let Some(batch) = ready.recv().await {
        let done = match batch {
            Ok(batch) => {
                progress.reach(batch.bytes_read);
                take_in(store, batch, &mut imported).await
            }
            Err(failure) => Err(Stopped::Line(failure)),
        };
        done.map_err(|stopped| stopped.explain(&name, &imported))?;
    }
    drop(progress);
    if screen.is_json() {
        return screen.json(&imported);
    }
    let Imported { events, written, present, delayed, unchecked, head, .. } = imported;
    screen.line(&format!(
        "{events} events read: {written} written, {present} there already; the log ends at {head}"
    ))?;
    if delayed > 0 {
        screen.line(&format!(
            "{delayed} of them are recorded later than in the file: the store had later events"
        ))?;
    }
    if unchecked > 0 {
        screen.line(&format!("{unchecked} of them have no schema that they fit"))?;
    }
    Ok(())
}

type Input = Box<dyn BufRead + Send>;

fn open(file: Option<&Path>) -> Result<(Input, Option<u64>), Failure> {
    let Some(path) = file else {
        return Ok((Box::new(BufReader::with_capacity(READ_BYTES, io::stdin())), None));
    };
    let failed =
        |error: io::Error| Failure::Io(format!("{} cannot be read: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let bytes = about.is_file().then_some(about.len());
    Ok((Box::new(BufReader::with_capacity(READ_BYTES, file)), bytes))
}

/// Why an import does not go on.
enum Stopped {
    Line(LineFailure),
    Store(StoreError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Stopped {
    fn explain(self, file: &str, imported: &Imported) -> Failure {
        let before = format!(
            "{} events before it are stored; run the import again to go on, nothing is doubled",
            imported.events
        );
        match self {
            Self::Line(LineFailure { line, why }) => {
                Failure::Refused(format!("{file}:{line}: {why}\n({before})"))
            }
            Self::Store(error) => match Failure::from(error) {
                Failure::Unreachable(why) => Failure::Unreachable(format!("{why}\n({before})")),
                other => other,
            },
        }
    }
}

async fn take_in(
    store: &dyn Operate,
    batch: Batch,
    imported: &mut Imported,
) -> Result<(), Stopped> {
    if !batch.schemas.is_empty() {
        store.register_schemas(&batch.schemas).await?;
    }
    for (known, wider) in &batch.widened {
        if !store.widen_schema(known, wider).await? {
            return Err(Stopped::Store(StoreError::Invalid {
                why: format!(
                    "somebody else changed the schema of `{}` meanwhile: run the import again",
                    known.event_type
                ),
            }));
        }
    }
    imported.schemas += (batch.schemas.len() + batch.widened.len()) as u64;
    let (lines, events): (Vec<u64>, Vec<RecordedEvent>) = batch.events.into_iter().unzip();
    let refused = restore(store, events, imported).await?;
    if let Some((nth, why)) = refused {
        let line = lines.get(nth).copied().unwrap_or_default();
        return Err(Stopped::Line(LineFailure { line, why }));
    }
    imported.unchecked += batch.unchecked;
    Ok(())
}

/// Brings events in, all of them or those before the first that the store refuses. Returns which that is
/// and why.
async fn restore(
    store: &dyn Operate,
    events: Vec<RecordedEvent>,
    imported: &mut Imported,
) -> Result<Option<(usize, String)>, StoreError> {
    let (mut begin, mut end) = (0, events.len());
    while begin < end {
        match store.restore(events[begin..end].to_vec()).await {
            Ok(restored) => {
                imported.add(restored);
                begin = end;
                end = events.len();
                // The rest holds the one that was refused, alone or with others behind it.
            }
            Err(error) if error.is_answer() && end - begin == 1 => {
                return Ok(Some((begin, refusal(&error, &events[begin]))));
            }
            Err(error) if error.is_answer() => end = begin + (end - begin) / 2,
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// In the words of whoever imports.
fn refusal(error: &StoreError, event: &RecordedEvent) -> String {
    match error {
        StoreError::Conflict { stream, actual, .. } => format!(
            "this is version {} of stream `{stream}`, which ends at version {actual} in this store: \
             the store has other events of it, or the file lacks some",
            event.version
        ),
        StoreError::DuplicateEvent { id } => format!(
            "event {id} is in this store already, elsewhere or with another type or payload"
        ),
        StoreError::Invalid { why } => why.clone(),
        other => other.to_string(),
    }
}
