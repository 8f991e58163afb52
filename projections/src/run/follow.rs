//! A projection as the engine sees it.

use std::sync::Arc;
use std::time::Duration;

use annals_consumers::{
    CaughtUp, Consume, ConsumeError, Consumer, Counts, Doing, Handler, PartitionId,
    PartitionRecord, Target, Until, Wrote, caught, ops,
};
use annals_core::store::Transaction;
use annals_core::{Position, RecordedEvent};
use async_trait::async_trait;

use super::definition::Mode;
use super::shared::Shared;
use super::switch::Switched;
use crate::error::{FailedEvent, ProjectionError};
use crate::fold::{Fold, StoreRows};

/// The pauses while the old tables are being read and cannot be replaced.
const LOCKED: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The pause before the next try when only a little is left to do.
const BEHIND: Duration = Duration::from_millis(20);

pub(crate) struct Follow(pub(crate) Arc<Shared>);

impl Shared {
    /// What the engine is to run.
    pub(crate) fn consumer(self: &Arc<Self>) -> Consumer {
        let definition = &self.definition;
        Consumer {
            name: definition.name.clone(),
            kind: definition.kind,
            version: definition.version,
            filter: definition.filter(),
            key: definition.key(),
            concerns: None,
            on_failure: definition.on_failure(),
            most_partitions: definition.most_partitions(),
            inline: definition.mode == Mode::Inline,
            inflow: definition.inflow.clone(),
            late_after: None,
            handler: Arc::new(Follow(self.clone())),
        }
    }
}

#[async_trait]
impl Handler for Follow {
    async fn open(&self, partition: &PartitionRecord) -> Result<Target, ConsumeError> {
        let shared = &self.0;
        let record = shared.record().await?;
        let mut generations = [&record.active, &record.building].into_iter().flatten();
        let generation = generations.find(|known| known.number == partition.generation).cloned();
        let projection = shared.definition.name.clone();
        let generation = generation.ok_or(ProjectionError::Moved { projection })?;
        let is_active =
            record.active.as_ref().is_some_and(|active| active.number == generation.number);
        let fold = shared.definition.new_fold(generation.real(&shared.definition.tables));
        if is_active {
            shared.set_active(generation);
        }
        Ok(Target::Transactional(Box::new(Writing { shared: shared.clone(), fold })))
    }

    fn reached(&self, partition: &PartitionId, position: Position) {
        self.0.reached(partition, position);
    }

    fn counted(&self, partition: &PartitionId, counts: Counts) {
        self.0.counted(partition, counts);
    }

    fn doing(&self, partition: &PartitionId, doing: &Doing) {
        self.0.does(partition, doing);
    }

    fn explain(&self, event: &RecordedEvent, error: ConsumeError) -> ConsumeError {
        let (ConsumeError::Retry(source) | ConsumeError::Poison(source)) = &error else {
            return error;
        };
        let known = source.downcast_ref::<ProjectionError>().cloned();
        let source = known.unwrap_or_else(|| match source.downcast_ref() {
            Some(store) => ProjectionError::Store(Clone::clone(store)),
            None => self.0.panicked(source.to_string()),
        });
        let at = source.at(FailedEvent::of(event), self.0.tables());
        self.0.fails(Some(at.clone()));
        match error {
            ConsumeError::Poison(_) => ConsumeError::Poison(Arc::new(at)),
            _ => ConsumeError::Retry(Arc::new(at)),
        }
    }

    async fn caught_up(&self, partition: &PartitionRecord) -> Result<CaughtUp, ConsumeError> {
        let shared = &self.0;
        let record = shared.record().await?;
        let building = record.building.filter(|known| known.number == partition.generation);
        let (Some(generation), 0) = (building, partition.part) else { return Ok(CaughtUp::GoOn) };
        Ok(match shared.switch(&generation).await? {
            Switched::Done => {
                shared.announce_switch(generation);
                shared.go_on(super::status::RunState::Live);
                CaughtUp::GoOn
            }
            Switched::Behind => CaughtUp::AskAgain(BEHIND),
            Switched::Locked(why) => {
                let mut tries = 0;
                shared.building.send_modify(|building| {
                    building.waiting_for = Some(why);
                    tries = building.tries;
                    building.tries = tries.saturating_add(1);
                });
                CaughtUp::AskAgain(LOCKED.0.saturating_mul(1 << tries.min(10)).min(LOCKED.1))
            }
        })
    }

    async fn parks(&self, partition: &PartitionId, key: &str) -> Result<bool, ConsumeError> {
        let Some(active) = self.0.record().await?.active else { return Ok(true) };
        // A new version does not take over with holes that the one before has not.
        Ok(active.number == partition.generation
            || ops::is_parked(&**self.0.work(), (&partition.consumer, active.number), key).await?)
    }

    async fn takes(&self, verb: &str) -> bool {
        match verb {
            "rollback" => self.0.can_roll_back().await,
            _ => true,
        }
    }

    async fn request(&self, verb: &str, _: &str) -> Result<String, String> {
        self.0.carry_out(verb).await
    }
}

/// Folds into the tables of one generation.
struct Writing {
    shared: Arc<Shared>,
    fold: Box<dyn Fold>,
}

impl Shared {
    pub(crate) fn panicked(&self, message: String) -> ProjectionError {
        ProjectionError::Panicked { projection: self.definition.name.clone(), message }
    }

    /// The tables by the names under which they are read.
    pub(crate) fn tables(&self) -> String {
        let tables = self.definition.tables.iter();
        let tables: Vec<_> = tables.map(|table| format!("`{}`", table.name)).collect();
        tables.join(", ")
    }
}

#[async_trait]
impl Consume for Writing {
    async fn take(&mut self, events: Vec<RecordedEvent>) -> Result<(), ConsumeError> {
        let mut rows = StoreRows(&**self.shared.work());
        let folded =
            caught(self.fold.take_in(events, &mut rows), |message| self.shared.panicked(message));
        Ok(folded.await?)
    }

    fn begin_key(&mut self, key: &str) -> Result<(), String> {
        self.shared.definition.keeps_rows_by_key()?;
        self.fold.begin_key(key)
    }

    fn pending(&self) -> usize {
        self.fold.pending()
    }

    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        until: &Until,
    ) -> Result<Wrote, ConsumeError> {
        let wrote =
            caught(self.fold.write(transaction, until), |message| self.shared.panicked(message));
        Ok(wrote.await?)
    }

    fn written(&mut self) {
        self.shared.fails(None);
        let rows = self.fold.written();
        let consumer = self.shared.definition.name.to_string();
        metrics::counter!("annals_consumer_rows_total", "consumer" => consumer).increment(rows);
    }

    fn forget(&mut self) {
        self.fold.forget();
    }
}
