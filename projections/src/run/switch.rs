//! The moment a new generation takes over: it catches up with the old one inside the transaction
//! that makes it visible.

use annals_consumers::{Until, caught, serve, set_aside, stands};
use annals_core::Position;
use annals_core::store::{LogFilter, LogQuery, StoreError, TransactExt, Transaction};

use super::definition::{Definition, Mode};
use super::shared::Shared;
use crate::error::ProjectionError;
use crate::fold::TransactionRows;
use crate::generations::{Generation, Generations};

/// How many events may be left for the transaction: it keeps writers waiting.
const MOST_EVENTS: u64 = 2_000;

impl Shared {
    /// Tries to let a generation take over that has been built.
    pub(crate) async fn switch(
        &self,
        generation: &Generation,
    ) -> Result<Switched, ProjectionError> {
        let (definition, generation) = (self.definition.clone(), generation.clone());
        let apart = !self.are_together();
        let head = if apart { self.log().head().await? } else { Position::START };
        let switched = self.work().transact_with(move |transaction| {
            let (definition, generation) = (definition.clone(), generation.clone());
            Box::pin(async move {
                let projection = definition.name.clone();
                let work = take_over(transaction, &definition, &generation, apart.then_some(head));
                caught(work, |message| {
                    let projection = projection.clone();
                    ProjectionError::Panicked { projection, message }
                })
                .await
                .map_err(ProjectionError::refuse)
            })
        });
        match switched.await {
            Ok(()) => Ok(Switched::Done),
            Err(StoreError::Refused { source }) if source.is::<Behind>() => Ok(Switched::Behind),
            Err(
                error @ (StoreError::Locked { .. }
                | StoreError::TimedOut { .. }
                | StoreError::TookTooLong { .. }),
            ) => Ok(Switched::Locked(error.to_string())),
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

/// `apart` is the head of a log that cannot be read in the transaction: then nothing may be left to
/// do.
async fn take_over(
    transaction: &mut dyn Transaction,
    definition: &Definition,
    generation: &Generation,
    apart: Option<Position>,
) -> Result<(), ProjectionError> {
    let projection = &definition.name;
    let mut record = Generations::take(transaction, projection).await?;
    if record.building.as_ref() != Some(generation) {
        return Err(ProjectionError::Moved { projection: projection.clone() });
    }
    let new = stands(transaction, projection, generation.number).await?;
    let target = target(transaction, definition, &record).await?;
    let lacks = new.iter().map(|(_, at)| target.since(at.unwrap_or_default())).max().unwrap_or(0);
    if lacks > if apart.is_some() { 0 } else { MOST_EVENTS } {
        return Err(StoreError::refused(Behind(lacks)).into());
    }
    for (part, at) in new {
        let mut position = at.unwrap_or_default();
        if position >= target {
            continue;
        }
        let mut fold = definition.new_fold(generation.real(&definition.tables));
        let filter = LogFilter { slices: Some(part.slices()), ..definition.filter() };
        while position < target {
            let query = LogQuery::after(position).up_to(target).filter(filter.clone());
            let page = transaction.read_log(&query).await?;
            let (of, key) = ((&**projection, generation.number), definition.key());
            let events = set_aside(transaction, of, key, page.events).await?;
            fold.take_in(events, &mut TransactionRows(transaction)).await?;
            position = page.next.max(Position::new(position.get() + 1));
        }
        fold.write(transaction, &Until::all_is_written()).await?;
        transaction.set_checkpoint(&part.id().checkpoint(), position.min(target)).await?;
    }
    record.building = None;
    record.activate(transaction, projection, generation.clone(), &definition.tables).await?;
    serve(transaction, projection, generation.number).await?;
    record.write(transaction, projection).await
}

/// How far the new generation must be: nobody may see the read model go back.
async fn target(
    transaction: &mut dyn Transaction,
    definition: &Definition,
    record: &Generations,
) -> Result<Position, ProjectionError> {
    if definition.inflow.is_some() {
        // It has received all that is still there.
        return Ok(Position::START);
    }
    if definition.mode == Mode::Inline {
        let query = LogQuery::after(Position::START).limit(1);
        return Ok(transaction.read_log(&query).await?.head);
    }
    let Some(active) = &record.active else { return Ok(Position::START) };
    let old = stands(transaction, &definition.name, active.number).await?;
    // One whose checkpoint is gone keeps nobody waiting.
    Ok(old.into_iter().filter_map(|(_, at)| at).min().unwrap_or_default())
}
