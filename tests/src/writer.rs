//! A writer that does a bit of everything: streams of its own, streams that many append to, and one
//! that all fight for.

use std::collections::HashMap;
use std::sync::Arc;

use annals::store::{Append, Store, StoreError, StreamQuery};
use annals::{ExpectedVersion, NewEvent, Payload, StreamId, StreamVersion};

use crate::ledger::Ledger;
use crate::random::Random;

/// How many times an append whose outcome is unknown is made again.
const PATIENCE: usize = 20;

/// One of many that write to a store at the same time.
pub struct Writer {
    /// Where it writes to; may be changed between appends.
    pub store: Arc<dyn Store>,
    /// What it was told.
    pub ledger: Ledger,
    /// The last error that was neither a conflict nor an unknown outcome.
    pub trouble: Option<StoreError>,
    name: String,
    random: Random,
    own: HashMap<StreamId, StreamVersion>,
}

impl Writer {
    /// A writer whose name is in the names of its own streams.
    pub fn new(store: Arc<dyn Store>, name: impl Into<String>, seed: u64) -> Self {
        Self {
            store,
            ledger: Ledger::default(),
            trouble: None,
            name: name.into(),
            random: Random::new(seed),
            own: HashMap::new(),
        }
    }

    /// Makes some appends.
    pub async fn write(&mut self, appends: usize) {
        for _ in 0..appends {
            self.append().await;
        }
    }

    /// Makes one append and notes the answer. Where the outcome is unknown, the same append is made
    /// again, as the message says. Returns whether it was written.
    pub async fn append(&mut self) -> bool {
        let append = self.next_append().await;
        let mut unknown = false;
        for _ in 0..PATIENCE {
            match self.store.append(append.clone()).await {
                Ok(appended) => {
                    self.ledger.acknowledge(&append, &appended);
                    let streams = appended.streams.into_iter();
                    self.own.extend(streams.map(|stream| (stream.stream, stream.after)));
                    return true;
                }
                Err(error) if error.may_have_written() => unknown = true,
                // A repetition is recognised before a conflict is, so the first try is not there.
                Err(StoreError::Conflict { .. }) => {
                    self.ledger.refuse(&append);
                    return false;
                }
                // This try wrote nothing, which says nothing about the first.
                Err(error) if unknown => self.trouble = Some(error),
                Err(error) => {
                    self.ledger.refuse(&append);
                    self.trouble = Some(error);
                    return false;
                }
            }
        }
        self.ledger.lose(&append);
        // Where its own streams are now is not known either.
        self.own.clear();
        self.name.push('+');
        false
    }

    async fn next_append(&mut self) -> Append {
        let events = self.events();
        match self.random.below(10) {
            0..=4 => {
                let number = self.random.below(3);
                let stream = stream("own", &format!("{}-{number}", self.name));
                let version = self.own.get(&stream).copied().unwrap_or_default();
                Append::to(stream, exact(version), events)
            }
            5..=7 => {
                let stream = stream("shared", &self.random.below(3).to_string());
                Append::to(stream, ExpectedVersion::Any, events)
            }
            8 => {
                let more = self.events();
                Append::to(stream("shared", "0"), ExpectedVersion::Any, events).and(
                    stream("shared", "1"),
                    ExpectedVersion::Any,
                    more,
                )
            }
            _ => {
                let stream = stream("contested", "1");
                let newest = StreamQuery::all(stream.clone()).backward().limit(1);
                // Where it cannot be read the guess is wrong, and a conflict is an answer, too.
                let newest = self.store.read_stream(&newest).await.unwrap_or_default();
                let version = newest.first().map(|event| event.version).unwrap_or_default();
                Append::to(stream, exact(version), events)
            }
        }
    }

    fn events(&mut self) -> Vec<NewEvent> {
        let count = 1 + self.random.below(3);
        let name = &self.name;
        let payload =
            |n| Payload::from_stored(format!(r#"{{"by":"{name}","n":{n},"of":{count}}}"#));
        (0..count).map(|n| NewEvent::raw("sample.happened", 1, payload(n))).collect()
    }
}

/// A stream; the names in stories are valid.
///
/// # Panics
/// When this one is not.
pub fn stream(category: &str, id: &str) -> StreamId {
    StreamId::new(category, id).expect("a valid name")
}

fn exact(version: StreamVersion) -> ExpectedVersion {
    match version {
        StreamVersion::NONE => ExpectedVersion::NoStream,
        version => ExpectedVersion::Exact(version),
    }
}
