//! What a rebuild would do: history is counted and folded into nothing, and no table is written.

use std::collections::HashSet;

use annals_consumers::{KeyBy, OnFailure, Stop, caught, ops};
use annals_core::store::LogQuery;
use annals_core::table::RowQuery;
use annals_core::{Position, RecordedEvent};
use tokio::time::Instant;

use super::plan::{PlannedTable, RebuildPlan};
use super::rebuild_handle::RebuildError;
use super::shared::Shared;
use crate::error::{FailedEvent, ProjectionError};
use crate::fold::{Fold, Nowhere};
use crate::generations::{Generation, Generations};

/// How many rows are kept in memory at the most. Beyond them, events are counted and not folded.
const MOST_ROWS: usize = 1_000_000;

impl Shared {
    /// Says what a rebuild would do, and does nothing.
    pub(crate) async fn plan_rebuild(&self, stop: &Stop) -> Result<RebuildPlan, RebuildError> {
        if let Some(why) = self.definition.lacks_history() {
            let projection = self.definition.name.clone();
            return Err(RebuildError::Refused { projection, why });
        }
        let record = self.record().await?;
        record.may_rebuild(&self.definition)?;
        let goes_on_at = self.goes_on_at(&record).await?;
        let mut plan = RebuildPlan {
            projection: self.definition.name.to_string(),
            version: self.definition.version,
            serving: record.active.as_ref().map(|active| (active.number, active.version)),
            generation: match (&record.building, goes_on_at) {
                (Some(building), Some(_)) => building.number,
                _ => record.last + 1,
            },
            goes_on_at,
            partitions: self.definition.parts,
            tables: self.planned_tables(record.active.as_ref()).await?,
            ..RebuildPlan::default()
        };
        let parked = self.parked_keys(record.active.as_ref()).await?;
        let mut trial = Trial::new(self, parked);
        self.read_history(&mut plan, &mut trial, stop).await?;
        plan.rows = trial.rows();
        (plan.parked_keys, plan.failure) = (trial.parked.len() as u64, trial.failure);
        plan.folded_up_to = trial.folded_up_to;
        Ok(plan)
    }

    /// Where a rebuild goes on that was begun before.
    async fn goes_on_at(&self, record: &Generations) -> Result<Option<Position>, ProjectionError> {
        let own = self.definition.version;
        let building = record.building.as_ref().filter(|building| building.version == own);
        match building.filter(|building| building.fits(&self.definition).is_ok()) {
            Some(building) => {
                let name = &self.definition.name;
                Ok(ops::position(&**self.work(), name, building.number).await?)
            }
            None => Ok(None),
        }
    }

    async fn planned_tables(
        &self,
        active: Option<&Generation>,
    ) -> Result<Vec<PlannedTable>, ProjectionError> {
        let mut tables = Vec::new();
        for table in &self.definition.tables {
            // With other columns than now, it may be called otherwise, or not be there.
            let real = active.and_then(|active| {
                let mut names = active.shown_as().zip(&active.tables);
                names.find(|(shown, _)| *shown == table.name).map(|(_, real)| real)
            });
            let rows = match real {
                Some(real) => {
                    let real = table.named(real.clone());
                    Some(self.work().count_rows(&real, &RowQuery::default()).await?)
                }
                None => None,
            };
            tables.push(PlannedTable { table: table.name.clone(), rows });
        }
        Ok(tables)
    }

    /// What is parked in the version that serves may be parked in the new one too.
    async fn parked_keys(
        &self,
        active: Option<&Generation>,
    ) -> Result<HashSet<String>, ProjectionError> {
        let Some(active) = active else { return Ok(HashSet::new()) };
        let parked = ops::parked(&**self.work(), &self.definition.name).await?;
        let parked = parked.into_iter().filter(|key| key.generation == active.number);
        Ok(parked.map(|key| key.key).collect())
    }

    async fn read_history(
        &self,
        plan: &mut RebuildPlan,
        trial: &mut Trial<'_>,
        stop: &Stop,
    ) -> Result<(), RebuildError> {
        let head = self.log().head().await.map_err(ProjectionError::from)?;
        let done = plan.goes_on_at.unwrap_or_default().min(head);
        let (mut at, mut all, begun) = (Position::START, 0, Instant::now());
        while at < head {
            if stop.is_set() {
                let projection = self.definition.name.clone();
                return Err(RebuildError::Cancelled { projection, events: all });
            }
            // What is built already is folded for the rows' sake, and not counted.
            let up_to = if at < done { done } else { head };
            let query = LogQuery::after(at).up_to(up_to).filter(self.definition.filter());
            let page = self.log().read_log(&query).await.map_err(ProjectionError::from)?;
            all += page.looked_at;
            if at >= done {
                plan.looked_at += page.looked_at;
                plan.taken_in += page.events.len() as u64;
            }
            for event in page.events {
                trial.take(event).await;
            }
            at = page.next.max(Position::new(at.get() + 1));
        }
        let seconds = begun.elapsed().as_secs_f64();
        // Statements of a handler's own take time that was not measured.
        if seconds > 0.0 && trial.folds {
            plan.events_per_second = Some(all as f64 / seconds);
        }
        Ok(())
    }
}

/// Folding into nothing.
struct Trial<'s> {
    shared: &'s Shared,
    fold: Box<dyn Fold>,
    /// A handler only reads its events here: its statements need a transaction.
    folds: bool,
    key: KeyBy,
    may_park: HashSet<String>,
    parked: HashSet<String>,
    failure: Option<String>,
    /// Where folding has ended before history did.
    folded_up_to: Option<Position>,
}

impl<'s> Trial<'s> {
    fn new(shared: &'s Shared, may_park: HashSet<String>) -> Self {
        let definition = &shared.definition;
        let tables = definition.tables.iter();
        let fold =
            definition.new_fold(tables.map(|table| (table.clone(), table.clone())).collect());
        let folds = fold.rows().is_some();
        let (key, parked) = (definition.key(), HashSet::new());
        Self { shared, fold, folds, key, may_park, parked, failure: None, folded_up_to: None }
    }

    fn rows(&self) -> Option<u64> {
        let all = self.folded_up_to.is_none() && self.failure.is_none();
        self.fold.rows().filter(|_| all).map(|rows| rows.len() as u64)
    }

    async fn take(&mut self, event: RecordedEvent) {
        let position = event.position;
        if self.failure.is_some() || self.folded_up_to.is_some() {
            return;
        }
        let (key, failed) = (self.key.of(&event).to_owned(), FailedEvent::of(&event));
        if self.parked.contains(&key) && self.shared.definition.on_failure() == OnFailure::Park {
            return;
        }
        let panicked = |message| self.shared.panicked(message);
        // One by one, so that it is known which one fails.
        let taken = caught(self.fold.take_in(vec![event], &mut Nowhere), panicked).await;
        if let Err(error) = taken {
            let blamed = error.blames_an_event();
            let parks = match self.shared.definition.on_failure() {
                OnFailure::Stop => false,
                OnFailure::Park => self.may_park.contains(&key),
                OnFailure::Skip => true,
            };
            match blamed && parks {
                true => drop(self.parked.insert(key)),
                false => self.failure = Some(error.at(failed, self.shared.tables()).to_string()),
            }
        }
        if !self.folds {
            self.fold.forget();
        } else if self.fold.pending() > MOST_ROWS {
            self.folded_up_to = Some(position);
            self.fold.forget();
        }
    }
}
