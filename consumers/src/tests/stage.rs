//! A log, consumers that note what they see, and as many engines as wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_core::store::{Append, EventStore, LogFilter, Stores, TransactExt, Transaction};
use annals_core::table::{ColumnSpec, ColumnType, TableSpec, Value};
use annals_core::{
    Clock, ExpectedVersion, MemoryStore, NewEvent, Payload, Position, RecordedEvent, StreamId,
};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::{
    AtOnce, Consume, ConsumeError, Consumer, ConsumerRecord, Deliver, Engine, EngineOptions,
    Handler, KeyBy, OnFailure, PartitionRecord, Target, Until, Wrote, declare, partition,
};

/// The paused clock, as the store's.
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.0.elapsed()).expect("a short test");
        Timestamp::from_second(1_000_000_000).expect("a time") + passed
    }
}

/// What fails, by stream: how often still.
pub(super) type Faults = Arc<Mutex<BTreeMap<String, u32>>>;

/// What had its effect: who, which stream, which position.
pub(super) type Effects = Arc<Mutex<Vec<(String, Position)>>>;

pub(super) struct Stage {
    pub(super) store: MemoryStore,
    pub(super) faults: Faults,
    /// Of consumers with effects outside.
    pub(super) effects: Effects,
    /// How many events they were given at a time, where all went well.
    pub(super) sizes: Arc<Mutex<Vec<usize>>>,
    /// Positions of events that fail outside.
    pub(super) bad: Arc<Mutex<BTreeSet<u64>>>,
    /// How long every event takes outside.
    pub(super) takes_ms: Arc<AtomicU64>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let store = MemoryStore::with_clock(Arc::new(Paused(Instant::now())));
        Self {
            store,
            faults: Faults::default(),
            effects: Effects::default(),
            sizes: Arc::default(),
            bad: Arc::default(),
            takes_ms: Arc::default(),
        }
    }

    pub(super) async fn append(&self, stream: &str) -> Position {
        let event = NewEvent::raw("thing.happened", 1, Payload::parse("{}").expect("JSON"));
        let stream = StreamId::parse(stream).expect("a stream's name");
        let append = Append::to(stream, ExpectedVersion::Any, vec![event]);
        self.store.append(append).await.expect("the memory has room").position
    }

    pub(super) async fn cut(&self, name: &'static str, parts: u32) {
        self.store
            .transact_with(move |transaction| {
                Box::pin(async move {
                    let record = ConsumerRecord {
                        name: name.to_owned(),
                        kind: "handler".to_owned(),
                        version: 1,
                        generation: 1,
                        partitions: parts,
                        on_failure: "park".to_owned(),
                        paused: false,
                        paused_by: None,
                        origin: None,
                        changed_at: Timestamp::UNIX_EPOCH,
                    };
                    declare(transaction, record).await?;
                    partition(transaction, (name, 1, 1), 1, parts, Position::START).await
                })
            })
            .await
            .expect("the memory has room");
    }

    pub(super) fn engine(&self, consumers: Vec<Consumer>, label: &str) -> Engine {
        let options = EngineOptions {
            label: label.to_owned(),
            own_thread: false,
            lock_directory: None,
            ..EngineOptions::default()
        };
        Engine::start(Stores::from(Arc::new(self.store.clone())), consumers, options)
    }

    fn consumer(&self, name: &str, at_once: Option<usize>) -> Consumer {
        let outside = at_once.map(|at_once| Outside {
            faults: self.faults.clone(),
            effects: self.effects.clone(),
            sizes: self.sizes.clone(),
            bad: self.bad.clone(),
            takes_ms: self.takes_ms.clone(),
            at_once,
        });
        let handler = Notes { faults: self.faults.clone(), outside };
        Consumer {
            name: name.into(),
            kind: "handler",
            version: 1,
            filter: LogFilter::default(),
            key: KeyBy::Stream,
            concerns: None,
            on_failure: OnFailure::Park,
            most_partitions: 64,
            inline: false,
            inflow: None,
            late_after: None,
            handler: Arc::new(handler),
        }
    }

    /// Writes a row for each event, in the transaction of the checkpoint.
    pub(super) fn rows(&self, name: &str) -> Consumer {
        self.consumer(name, None)
    }

    /// Has an effect outside for each event.
    pub(super) fn outside(&self, name: &str) -> Consumer {
        self.at_once(name, 1)
    }

    /// The same, for so many events of a key at once.
    pub(super) fn at_once(&self, name: &str, events: usize) -> Consumer {
        self.consumer(name, Some(events))
    }

    /// The rows of the transactional consumer: stream and position.
    pub(super) async fn seen(&self) -> Vec<(String, u64)> {
        use annals_core::store::TableStore;
        let rows = self.store.query_rows(&table(), &Default::default()).await.expect("it is there");
        rows.into_iter()
            .map(|row| match (&row[1], &row[0]) {
                (Value::Text(stream), Value::Integer(position)) => {
                    (stream.clone(), position.cast_unsigned())
                }
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// Lets time pass until something holds.
    pub(super) async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(4 * 3600);
        while !holds().await {
            assert!(Instant::now() < deadline, "this never came: {what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn table() -> TableSpec {
    let columns = vec![
        ColumnSpec::new("position", ColumnType::Integer, false),
        ColumnSpec::new("stream", ColumnType::Text, false),
    ];
    TableSpec::own("annals_test_rows", columns, vec![0])
}

struct Notes {
    faults: Faults,
    outside: Option<Outside>,
}

/// Fails as often as it was told for this stream.
fn fault(faults: &Faults, event: &RecordedEvent) -> Result<(), ConsumeError> {
    let mut faults = faults.lock().expect("no panic");
    match faults.get_mut(event.stream.as_str()) {
        Some(left) if *left > 0 => {
            *left -= 1;
            Err(ConsumeError::retry(format!("{} fails", event.stream)))
        }
        _ => Ok(()),
    }
}

#[async_trait]
impl Handler for Notes {
    async fn open(&self, _: &PartitionRecord) -> Result<Target, ConsumeError> {
        Ok(match &self.outside {
            Some(outside) => Target::External(Arc::new(outside.clone())),
            None => {
                let faults = self.faults.clone();
                Target::Transactional(Box::new(Rows { faults, events: Vec::new() }))
            }
        })
    }
}

#[derive(Clone)]
struct Outside {
    faults: Faults,
    effects: Effects,
    sizes: Arc<Mutex<Vec<usize>>>,
    bad: Arc<Mutex<BTreeSet<u64>>>,
    takes_ms: Arc<AtomicU64>,
    at_once: usize,
}

#[async_trait]
impl Deliver for Outside {
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        for event in events {
            let takes_ms = self.takes_ms.load(Ordering::SeqCst) + event.position.get() % 7;
            tokio::time::sleep(Duration::from_millis(takes_ms)).await;
            fault(&self.faults, event)?;
            if self.bad.lock().expect("no panic").contains(&event.position.get()) {
                return Err(ConsumeError::retry(format!("{} fails", event.position)));
            }
        }
        let effects = events.iter().map(|event| (event.stream.to_string(), event.position));
        self.effects.lock().expect("no panic").extend(effects);
        self.sizes.lock().expect("no panic").push(events.len());
        Ok(())
    }

    fn at_once(&self) -> AtOnce {
        AtOnce { events: self.at_once, ..AtOnce::ONE }
    }
}

struct Rows {
    faults: Faults,
    events: Vec<RecordedEvent>,
}

#[async_trait]
impl Consume for Rows {
    async fn take(&mut self, events: Vec<RecordedEvent>) -> Result<(), ConsumeError> {
        self.events.extend(events);
        Ok(())
    }

    fn pending(&self) -> usize {
        self.events.len()
    }

    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        _: &Until,
    ) -> Result<Wrote, ConsumeError> {
        for event in &self.events {
            fault(&self.faults, event)?;
            let position = event.position.get().cast_signed();
            let row = vec![Value::Integer(position), Value::Text(event.stream.to_string())];
            let keys = [vec![Value::Integer(position)]];
            let there = transaction.load_rows(&table(), &keys).await?;
            assert!(there.is_empty(), "an event has its effect twice: {row:?}");
            transaction.upsert_rows(&table(), &[row]).await?;
        }
        Ok(Wrote::All)
    }

    fn written(&mut self) {
        self.events.clear();
    }

    fn forget(&mut self) {
        self.events.clear();
    }
}
