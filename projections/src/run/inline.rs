//! A projection inside the append's transaction.

use std::sync::Arc;

use annals_core::store::{AppendHook, LogQuery, StoreError, Transaction};
use annals_core::{Journal, Position, RecordedEvent};
use async_trait::async_trait;

use super::caught::caught;
use super::cursor::Cursor;
use super::pause::Pauses;
use super::setup::Setup;
use super::shared::Shared;
use super::status::RunState;
use super::stop::Stop;
use crate::error::ProjectionError;
use crate::fold::{TransactionRows, Until};
use crate::generations::Generations;

/// How many events that programs without the projection have left an append takes in with its own.
/// What is more is taken in outside of appends, and appends of the projection's events are refused
/// until then.
const MOST_EVENTS_BEHIND: usize = 2_000;

/// How far back it looks for them.
const MOST_POSITIONS_BEHIND: u64 = 100_000;

impl Shared {
    /// Catches up with history, then takes part in every append of its events.
    pub(crate) async fn start_inline(
        self: &Arc<Self>,
        journal: &Journal,
        stop: &Stop,
    ) -> Result<(), ProjectionError> {
        let mut pauses = Pauses::to_yield();
        loop {
            match self.prepare_inline(stop).await {
                Ok(true) => break,
                // Other programs that start do the same: one is the first.
                Ok(false) => {}
                Err(error) if error.is_contention() => {}
                Err(error) => return Err(error),
            }
            if stop.within(pauses.next()).await {
                return Err(ProjectionError::Moved { projection: self.definition.name.clone() });
            }
        }
        let hook = Arc::new(InlineHook(self.clone()));
        journal.add_hook(self.definition.event_types.clone(), hook);
        self.set_state(RunState::Live, None);
        Ok(())
    }

    /// `false` when the tables have been switched meanwhile, and it is time to look again.
    async fn prepare_inline(self: &Arc<Self>, stop: &Stop) -> Result<bool, ProjectionError> {
        let generation = match self.set_up().await? {
            Setup::Ready(generation) => generation,
            Setup::NeedsRebuild => {
                self.go_on(RunState::Rebuilding);
                self.rebuild_here(stop).await?;
                return Ok(false);
            }
        };
        let mut cursor = Cursor::open_shown(self.clone(), generation, stop.clone()).await?;
        cursor.catch_up(|_, _| {}).await?;
        Ok(true)
    }
}

struct InlineHook(Arc<Shared>);

impl InlineHook {
    async fn take_in(
        &self,
        events: &[RecordedEvent],
        transaction: &mut dyn Transaction,
    ) -> Result<(), ProjectionError> {
        let definition = &self.0.definition;
        let generations = Generations::read(transaction, &definition.name).await?;
        let active = generations.active.filter(|active| active.version == definition.version);
        let (Some(active), [first, .., last] | [first @ last]) = (active, events) else {
            // A newer program keeps the read model, and takes in what this one adds.
            return Ok(());
        };
        let checkpoint = active.checkpoint(&definition.name);
        let Some(mut position) = transaction.checkpoint(&checkpoint).await? else {
            let projection = definition.name.clone();
            return Err(ProjectionError::CheckpointLost { projection, checkpoint });
        };
        let behind = first.position.since(position).saturating_sub(1);
        let mut fold = definition.new_fold(active.real(&definition.tables));
        if behind == 0 {
            let filter = definition.filter();
            let own = events.iter().filter(|event| filter.admits(event)).cloned().collect();
            fold.take_in(own, &mut TransactionRows(transaction)).await?;
        } else {
            // Others have appended without this projection, or events it does not want.
            let mut left = MOST_EVENTS_BEHIND + events.len();
            while position < last.position {
                let query = LogQuery::after(position).filter(definition.filter());
                let query = query.up_to(last.position).limit(left + 1);
                let in_reach = behind <= MOST_POSITIONS_BEHIND;
                let page = if in_reach { Some(transaction.read_log(&query).await?) } else { None };
                let Some(page) = page.filter(|page| page.events.len() <= left) else {
                    self.0.behind.notify_one();
                    return Err(ProjectionError::Store(far_behind(&definition.name, behind)));
                };
                left -= page.events.len();
                fold.take_in(page.events, &mut TransactionRows(transaction)).await?;
                position = page.next.max(Position::new(position.get() + 1));
            }
        }
        fold.write(transaction, &Until::all_is_written()).await?;
        Ok(transaction.set_checkpoint(&checkpoint, last.position).await?)
    }
}

fn far_behind(projection: &str, behind: u64) -> StoreError {
    StoreError::Locked {
        place: format!("the inline read model of `{projection}`"),
        hint: format!(
            "programs without this projection have appended {behind} events, which are being taken \
             in now: try again in a moment"
        ),
    }
}

#[async_trait]
impl AppendHook for InlineHook {
    async fn run(
        &self,
        events: &[RecordedEvent],
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        let shared = &self.0;
        match caught(&shared.definition.name, self.take_in(events, transaction)).await {
            Ok(()) => {
                if shared.failed() {
                    shared.go_on(RunState::Live);
                }
                Ok(())
            }
            Err(error) => {
                if error.blames_an_event() {
                    shared.set_state(RunState::Failed, Some(error.to_string()));
                }
                Err(error.refuse())
            }
        }
    }
}
