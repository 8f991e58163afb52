//! The consumers of a world: they note what they see, and do what troubles them.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use annals_consumers::{
    AtOnce, CaughtUp, Consume, ConsumeError, Consumer, Deliver, Handler, KeyBy, OnFailure,
    PartitionRecord, Target, Until, Wrote,
};
use annals_core::RecordedEvent;
use annals_core::store::{LogFilter, Transaction};
use annals_core::table::{ColumnSpec, ColumnType, TableSpec, Value};
use async_trait::async_trait;

use crate::cover::Happened;
use crate::line::Line;
use crate::troubles::Trouble;

/// A consumer of a world.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) external: bool,
    pub(crate) key: KeyBy,
    pub(crate) on_failure: OnFailure,
    /// All if it is empty.
    pub(crate) categories: Vec<String>,
    pub(crate) parts: u32,
    /// How many events of a key one with effects outside takes at once.
    pub(crate) at_once: usize,
}

/// Where the effects of transactional consumers go.
pub(crate) fn effects_table() -> &'static TableSpec {
    static TABLE: LazyLock<TableSpec> = LazyLock::new(|| {
        let columns = vec![
            ColumnSpec::new("consumer", ColumnType::Text, false),
            ColumnSpec::new("position", ColumnType::Integer, false),
        ];
        TableSpec::own("annals_simulated_effects", columns, vec![0, 1])
    });
    &TABLE
}

/// The consumers of a member.
pub(crate) fn consumers(line: &Arc<Line>) -> Vec<Consumer> {
    let specs = line.world.specs.iter().enumerate();
    specs
        .map(|(index, spec)| Consumer {
            name: spec.name.into(),
            kind: if spec.external { "subscriber" } else { "handler" },
            version: 1,
            filter: LogFilter { categories: spec.categories.clone(), ..LogFilter::default() },
            key: spec.key,
            concerns: None,
            on_failure: spec.on_failure,
            most_partitions: 8,
            inline: false,
            inflow: None,
            late_after: None,
            handler: Arc::new(Noting { line: line.clone(), index }),
        })
        .collect()
}

struct Noting {
    line: Arc<Line>,
    index: usize,
}

#[async_trait]
impl Handler for Noting {
    async fn open(&self, partition: &PartitionRecord) -> Result<Target, ConsumeError> {
        self.line.link.pass().await;
        let world = &self.line.world;
        if world.opens_badly() {
            world.happened(Happened::OpenFailed);
            return Err(match world.roll(|random| random.chance(300)) {
                true => ConsumeError::stop("it does not open here"),
                false => ConsumeError::retry("it does not open now"),
            });
        }
        let work =
            Work { line: self.line.clone(), index: self.index, partition: partition.clone() };
        Ok(match world.specs[self.index].external {
            true => Target::External(Arc::new(Outside(work))),
            false => Target::Transactional(Box::new(Rows { work, events: Vec::new(), written: 0 })),
        })
    }

    async fn caught_up(&self, partition: &PartitionRecord) -> Result<CaughtUp, ConsumeError> {
        Ok(match partition.part {
            1 => CaughtUp::AskAgain(Duration::from_secs(2)),
            _ => CaughtUp::GoOn,
        })
    }

    async fn request(&self, verb: &str, _: &str) -> Result<String, String> {
        self.line.link.pass().await;
        match verb {
            "sleep" => {
                tokio::time::sleep(Duration::from_secs(2)).await;
                self.line.link.pass().await;
                Ok("slept".to_owned())
            }
            verb => panic!("simulated: {verb}"),
        }
    }
}

struct Work {
    line: Arc<Line>,
    index: usize,
    partition: PartitionRecord,
}

impl Work {
    fn chance(&self, per_mille: u64) -> bool {
        self.line.world.roll(|random| random.chance(per_mille))
    }

    /// Does what is wrong with the key of an event.
    async fn meet(&self, event: &RecordedEvent, inside: bool) -> Result<(), ConsumeError> {
        let world = &self.line.world;
        let key = world.specs[self.index].key.of(event);
        let Some(trouble) = world.trouble(self.index, key) else { return Ok(()) };
        world.step(
            self.line.who,
            format!("{} meets {trouble:?} at {} of {key}", self.partition.id(), event.position),
        );
        match trouble {
            Trouble::Retry => {
                world.happened(Happened::Failing);
                Err(ConsumeError::retry("it fails"))
            }
            Trouble::Poison => {
                world.happened(Happened::Poisoned);
                Err(ConsumeError::poison("it is poison"))
            }
            Trouble::Blocked => {
                world.happened(Happened::Blocked);
                Err(ConsumeError::blocked("a neighbour", "it is down"))
            }
            Trouble::Panic => {
                world.happened(Happened::Panicked);
                panic!("simulated: a handler")
            }
            Trouble::Hang => {
                world.happened(Happened::Hung);
                // In a transaction, everybody else waits for it here.
                let ms = world.roll(|random| random.between(100, if inside { 700 } else { 8_000 }));
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(())
            }
        }
    }
}

/// Writes a row for each event, in the transaction of the checkpoint.
struct Rows {
    work: Work,
    events: Vec<RecordedEvent>,
    /// How many of them the last transaction has written.
    written: usize,
}

#[async_trait]
impl Consume for Rows {
    async fn take(&mut self, events: Vec<RecordedEvent>) -> Result<(), ConsumeError> {
        self.work.line.link.pass().await;
        for event in events {
            if event.position.get() % 2 == 0 {
                self.work.meet(&event, false).await?;
                self.work.line.link.pass().await;
            }
            self.events.push(event);
        }
        Ok(())
    }

    fn pending(&self) -> usize {
        self.events.len()
    }

    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        until: &Until,
    ) -> Result<Wrote, ConsumeError> {
        self.written = 0;
        let world = &self.work.line.world;
        let slow = self.work.chance(20);
        for event in &self.events {
            if self.written > 0 && until.is_over() {
                world.happened(Happened::Part);
                return Ok(Wrote::UpTo(self.events[self.written - 1].position));
            }
            if event.position.get() % 2 == 1 {
                self.work.meet(event, true).await?;
            }
            let name = world.specs[self.work.index].name;
            let position = Value::Integer(event.position.get().cast_signed());
            let row = vec![Value::Text(name.to_owned()), position];
            transaction.upsert_rows(effects_table(), &[row]).await?;
            self.written += 1;
            if slow {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(Wrote::All)
    }

    fn written(&mut self) {
        self.events.drain(..self.written);
        self.written = 0;
    }

    fn forget(&mut self) {
        self.events.clear();
        self.written = 0;
    }
}

/// Has an effect outside for each event: for all that it is given, or for none.
struct Outside(Work);

#[async_trait]
impl Deliver for Outside {
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        let Self(Work { line, index, partition }) = self;
        let world = &line.world;
        line.link.pass().await;
        let _delivery = world.begin_delivery(partition, *index, events);
        for event in events {
            let met = self.0.meet(event, false).await;
            if met.is_err() && events.len() > 1 {
                world.happened(Happened::TakenApart);
            }
            met?;
        }
        let ms = world.roll(|random| random.below(60));
        tokio::time::sleep(Duration::from_millis(ms)).await;
        line.link.pass().await;
        for event in events {
            world.effect_outside(line, partition, event.position);
        }
        if world.loses_effects() {
            return Err(ConsumeError::retry("the answer is lost"));
        }
        Ok(())
    }

    fn at_once(&self) -> AtOnce {
        let events = self.0.line.world.specs[self.0.index].at_once;
        AtOnce { events, ..AtOnce::ONE }
    }
}
