//! The moment a new generation takes over: it catches up with the old one inside the transaction
//! that makes it visible.

use annals_core::Position;
use annals_core::store::{LogPage, LogQuery, StoreError, Stores, Transaction, TransactionWork};
use async_trait::async_trait;

use super::caught::caught;
use super::cursor::{Cursor, SharedFold};
use super::definition::{Definition, Mode};
use crate::error::ProjectionError;
use crate::fold::{TransactionRows, Until};
use crate::generations::{Generation, Generations};

/// How many events may be left for the transaction: it keeps writers waiting.
const MOST_EVENTS: u64 = 2_000;

impl Cursor {
    /// Tries to take over.
    pub(crate) async fn switch(&mut self) -> Result<Switched, ProjectionError> {
        let work = Switch {
            definition: self.shared.definition.clone(),
            generation: self.generation.clone(),
            fold: self.fold.clone(),
            from: self.committed,
            stores: self.shared.stores().clone(),
        };
        let result = self.shared.work().transact(Box::new(work)).await;
        let mut fold = self.fold.lock().await;
        fold.forget();
        match result {
            Ok(()) => Ok(Switched::Done),
            Err(StoreError::Refused { source }) if source.is::<Behind>() => Ok(Switched::Behind),
            Err(error @ (StoreError::Locked { .. } | StoreError::TimedOut { .. })) => {
                Ok(Switched::Locked(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What came of trying to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Switched {
    /// Readers see the new tables.
    Done,
    /// Too much was left to do first.
    Behind,
    /// The old tables are being read, or written, for longer than others can be kept waiting.
    Locked(String),
}

/// Too much is left to do.
#[derive(Debug, thiserror::Error)]
#[error("the new version is {0} events behind")]
struct Behind(u64);

struct Switch {
    definition: Definition,
    generation: Generation,
    fold: SharedFold,
    from: Position,
    stores: Stores,
}

impl Switch {
    async fn take_over(
        &mut self,
        transaction: &mut dyn Transaction,
    ) -> Result<(), ProjectionError> {
        let projection = &*self.definition.name;
        let moved = || ProjectionError::Moved { projection: projection.into() };
        let mut generations = Generations::read(transaction, projection).await?;
        let checkpoint = self.generation.checkpoint(projection);
        if generations.building.as_ref() != Some(&self.generation)
            || transaction.checkpoint(&checkpoint).await? != Some(self.from)
        {
            return Err(moved());
        }
        let target = self.target(&generations, transaction).await?;
        let behind = target.since(self.from);
        if behind > MOST_EVENTS {
            return Err(StoreError::refused(Behind(behind)).into());
        }
        let mut position = self.from;
        let mut fold = self.fold.lock().await;
        while position < target {
            let query = LogQuery::after(position).up_to(target).filter(self.definition.filter());
            let page = self.read_log(transaction, &query).await?;
            fold.take_in(page.events, &mut TransactionRows(transaction)).await?;
            position = page.next;
        }
        fold.write(transaction, &Until::all_is_written()).await?;
        transaction.set_checkpoint(&checkpoint, position).await?;
        generations.building = None;
        let generation = self.generation.clone();
        generations.activate(transaction, projection, generation, &self.definition.tables).await?;
        generations.write(transaction, projection).await
    }

    /// Reads the log: past the transaction, where that is in another store.
    async fn read_log(
        &self,
        transaction: &mut dyn Transaction,
        query: &LogQuery,
    ) -> Result<LogPage, StoreError> {
        match self.stores.are_together() {
            true => transaction.read_log(query).await,
            false => self.stores.log().read_log(query).await,
        }
    }

    /// How far the new generation must be: nobody may see the read model go back.
    async fn target(
        &self,
        generations: &Generations,
        transaction: &mut dyn Transaction,
    ) -> Result<Position, ProjectionError> {
        if self.definition.mode == Mode::Inline {
            let query = LogQuery::after(self.from).limit(1);
            return Ok(transaction.read_log(&query).await?.head);
        }
        let Some(active) = &generations.active else { return Ok(self.from) };
        let old = transaction.checkpoint(&active.checkpoint(&self.definition.name)).await?;
        Ok(old.unwrap_or_default().max(self.from))
    }
}

#[async_trait]
impl TransactionWork for Switch {
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        let projection = self.definition.name.clone();
        caught(&projection, self.take_over(transaction)).await.map_err(ProjectionError::refuse)
    }
}
