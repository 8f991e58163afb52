//! A projection inside the append's transaction.

use std::sync::Arc;
use std::time::Duration;

use annals_consumers::{Until, caught};
use annals_core::store::{AppendHook, LogQuery, StoreError, Transaction};
use annals_core::{Journal, Position, RecordedEvent};
use async_trait::async_trait;

use super::shared::Shared;
use super::status::RunState;
use crate::error::ProjectionError;
use crate::fold::TransactionRows;
use crate::generations::Generations;

/// How many events that programs without the projection have left an append takes in with its own.
/// What is more is taken in outside of appends, and appends of the projection's events are refused
/// until then.
const MOST_EVENTS_BEHIND: usize = 2_000;

/// How far back it looks for them.
const MOST_POSITIONS_BEHIND: u64 = 100_000;

/// How often a program that starts asks the store how far it is.
const LOOK_AFTER: Duration = Duration::from_millis(200);

impl Shared {
    /// Waits until history is caught up with, then takes part in every append of its events.
    pub(crate) async fn start_inline(
        self: &Arc<Self>,
        journal: &Journal,
    ) -> Result<(), ProjectionError> {
        let (mut positions, mut states) = (self.positions(), self.states());
        let mut switches = self.switches();
        loop {
            // Other programs that start do the same: one of them builds.
            let head = self.log().head().await?;
            let own = self.definition.version;
            if let Some((active, at)) = self.look().await? {
                if active.version > own {
                    let (projection, active) = (self.definition.name.clone(), active.version);
                    return Err(ProjectionError::Superseded { projection, active, own });
                }
                if active.version == own && at >= head {
                    break;
                }
            }
            if let Some(error) = self.last_failure() {
                return Err(error);
            }
            tokio::select! {
                biased;
                _ = positions.changed() => {}
                _ = states.changed() => {}
                _ = switches.changed() => {}
                () = tokio::time::sleep(LOOK_AFTER) => {}
            }
        }
        let hook = Arc::new(InlineHook(self.clone()));
        journal.add_hook(self.definition.event_types.clone(), hook);
        self.set_state(RunState::Live, None);
        Ok(())
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
        let checkpoint = active.inline_checkpoint(&definition.name);
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
                    self.0.wake();
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
        let taken = caught(self.take_in(events, transaction), |message| shared.panicked(message));
        match taken.await {
            Ok(()) => {
                shared.append_ended(None);
                Ok(())
            }
            Err(error) => {
                if error.blames_an_event() {
                    shared.append_ended(Some(&error));
                }
                Err(error.refuse())
            }
        }
    }
}
