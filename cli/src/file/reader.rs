//! Reading a file ahead of the store, in batches of bounded size.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use annals::store::MAX_PAYLOAD_BYTES;
use annals::{RecordedEvent, RegisteredSchema, Relation, StoredSchemas, relation};
use tokio::sync::mpsc;

use super::Entry;
use super::line::read_line;

/// How many events share a commit.
const BATCH_EVENTS: usize = 1_000;

/// How many bytes of payloads and metadata do.
const BATCH_BYTES: usize = 8 << 20;

/// The longest line that is taken: the longest payload, and as much again for all else.
const MAX_LINE_BYTES: u64 = 2 * MAX_PAYLOAD_BYTES as u64;

/// A part of a file, to be brought into the store in this order: schemas, then events.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Schemas that the store does not have.
    pub(crate) schemas: Vec<RegisteredSchema>,
    /// Schemas of the store, each with a text that accepts more.
    pub(crate) widened: Vec<(RegisteredSchema, String)>,
    /// Events, each with its line.
    pub(crate) events: Vec<(u64, RecordedEvent)>,
    /// How many of the events have no schema.
    pub(crate) unchecked: u64,
    /// How much of the file has been read.
    pub(crate) bytes_read: u64,
}

/// A line that is wrong.
#[derive(Debug)]
pub(crate) struct LineFailure {
    pub(crate) line: u64,
    pub(crate) why: String,
}

/// What is sent to whoever writes.
pub(crate) type Batches = mpsc::Sender<Result<Batch, LineFailure>>;

/// Reads to the end, or to the first line that is wrong; the good lines before that one are handed over
/// first. `known` are the schemas of the store. Blocks.
pub(crate) fn read_batches(
    input: impl BufRead,
    known: Vec<RegisteredSchema>,
    check: bool,
    batches: &Batches,
) {
    let mut reader = Reader { input, line: 0, bytes: 0, schemas: Schemas::of(known), check };
    loop {
        let (batch, outcome) = reader.batch();
        // Nobody takes it any more when the writer has failed.
        if batches.blocking_send(Ok(batch)).is_err() {
            return;
        }
        match outcome {
            Ok(true) => {}
            Ok(false) => return,
            Err(failure) => {
                let _ = batches.blocking_send(Err(failure));
                return;
            }
        }
    }
}

struct Reader<R> {
    input: R,
    line: u64,
    bytes: u64,
    schemas: Schemas,
    check: bool,
}

impl<R: BufRead> Reader<R> {
    /// The next batch, and whether there is more.
    fn batch(&mut self) -> (Batch, Result<bool, LineFailure>) {
        let (mut batch, mut size) = (Batch::default(), 0);
        let more = loop {
            if batch.events.len() == BATCH_EVENTS || size >= BATCH_BYTES {
                break Ok(true);
            }
            match self.entry(&mut batch) {
                Ok(Some(bytes)) => size += bytes,
                Ok(None) => break Ok(false),
                Err(why) => break Err(LineFailure { line: self.line, why }),
            }
        };
        batch.bytes_read = self.bytes;
        (batch, more)
    }

    /// Reads one line into the batch. Returns how large it is, or `None` at the end.
    fn entry(&mut self, batch: &mut Batch) -> Result<Option<usize>, String> {
        let mut text = Vec::new();
        self.line += 1;
        let read = self.input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut text);
        let read = read.map_err(|error| format!("the file cannot be read on: {error}"))?;
        self.bytes += read as u64;
        if read == 0 {
            return Ok(None);
        }
        if read as u64 == MAX_LINE_BYTES && !text.ends_with(b"\n") {
            return Err(format!("the line is longer than {MAX_LINE_BYTES} bytes"));
        }
        if text.trim_ascii().is_empty() {
            return Ok(Some(0));
        }
        match read_line(&text).map_err(|error| error.to_string())? {
            Entry::Schema(schema) => self.schemas.meet(schema, batch)?,
            Entry::Event(event) => {
                let checked = self.schemas.compiled.check(&event);
                match checked {
                    Ok(true) => {}
                    Ok(false) => batch.unchecked += 1,
                    Err(violation) if self.check => {
                        return Err(format!("{violation} (--unchecked takes it all the same)"));
                    }
                    Err(_) => batch.unchecked += 1,
                }
                batch.events.push((self.line, *event));
            }
        }
        Ok(Some(read))
    }
}

/// The schemas of the store, and of the file so far.
struct Schemas {
    known: HashMap<(String, u32), RegisteredSchema>,
    compiled: StoredSchemas,
}

impl Schemas {
    /// One that cannot be compiled checks nothing.
    fn of(known: Vec<RegisteredSchema>) -> Self {
        let mut compiled = StoredSchemas::default();
        for schema in &known {
            let _ = compiled.add(schema);
        }
        let key = |schema: &RegisteredSchema| (schema.event_type.clone(), schema.version);
        Self { known: known.into_iter().map(|schema| (key(&schema), schema)).collect(), compiled }
    }

    fn meet(&mut self, schema: RegisteredSchema, batch: &mut Batch) -> Result<(), String> {
        let key = (schema.event_type.clone(), schema.version);
        match self.known.get(&key) {
            None => batch.schemas.push(schema.clone()),
            Some(known) => match how(&known.schema, &schema.schema) {
                Relation::Same | Relation::Narrowed => return Ok(()),
                Relation::Widened => batch.widened.push((known.clone(), schema.schema.clone())),
                Relation::Other => {
                    return Err(format!(
                        "`{}` version {} has another schema in this store, and what was written \
                         under the one cannot be read under the other",
                        schema.event_type, schema.version
                    ));
                }
            },
        }
        self.compiled.add(&schema).map_err(|error| error.to_string())?;
        self.known.insert(key, schema);
        Ok(())
    }
}

/// How the schema of the file stands to that of the store.
fn how(known: &str, new: &str) -> Relation {
    let parse = |text| serde_json::from_str::<serde_json::Value>(text);
    match (parse(known), parse(new)) {
        _ if known == new => Relation::Same,
        (Ok(known), Ok(new)) => relation(&known, &new),
        _ => Relation::Other,
    }
}
