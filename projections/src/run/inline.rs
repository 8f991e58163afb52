//! A projection inside the append's transaction.

use std::sync::Arc;

use annals_core::store::{AppendHook, LogQuery, StoreError, Transaction};
use annals_core::{Position, RecordedEvent};
use async_trait::async_trait;
use tokio::sync::watch;

use super::cursor::Cursor;
use super::setup::Setup;
use super::shared::Shared;
use super::status::RunState;
use crate::error::ProjectionError;
use crate::form::TransactionRows;
use crate::record::Record;

impl Shared {
    /// Catches up with history, then takes part in every append of its events.
    pub(crate) async fn start_inline(self: &Arc<Self>) -> Result<(), ProjectionError> {
        let generation = loop {
            match self.set_up().await? {
                Setup::Ready(generation) => break generation,
                Setup::NeedsRebuild => {
                    // Nobody stops it: appends need the new tables.
                    let (_never, stop) = watch::channel(false);
                    self.rebuild_here(stop).await?;
                }
            }
        };
        let mut cursor = Cursor::open(self.clone(), generation).await?;
        match cursor.catch_up(|_, _| true).await {
            // Another process takes part in appends already, and does the same.
            Ok(_) | Err(ProjectionError::Moved { .. }) => {}
            Err(error) => return Err(error),
        }
        let hook = Arc::new(InlineHook(self.clone()));
        self.journal.add_hook(self.definition.event_types.clone(), hook);
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
        let record = Record::read(transaction, definition.name).await?;
        let active = record.active.filter(|active| active.version == definition.version);
        let (Some(active), [first, .., last] | [first @ last]) = (active, events) else {
            // A newer program keeps the read model; its next append takes in what this one adds.
            return Ok(());
        };
        let checkpoint = active.checkpoint(definition.name);
        let mut position = transaction.checkpoint(&checkpoint).await?.unwrap_or_default();
        let mut folder = definition.folder(active.real(&definition.tables));
        if position.get() + 1 == first.position.get() {
            let filter = definition.filter();
            let own = events.iter().filter(|event| filter.admits(event)).cloned().collect();
            folder.fold(own, &mut TransactionRows(transaction)).await?;
        } else {
            // Others have appended without this projection, or events it does not want.
            while position < last.position {
                let query = LogQuery::after(position).filter(definition.filter());
                let page = transaction.read_log(&query).await?;
                folder.fold(page.events, &mut TransactionRows(transaction)).await?;
                position = page.next.max(Position::new(position.get() + 1));
            }
        }
        folder.write(transaction).await?;
        Ok(transaction.set_checkpoint(&checkpoint, last.position).await?)
    }
}

#[async_trait]
impl AppendHook for InlineHook {
    async fn run(
        &self,
        events: &[RecordedEvent],
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        self.take_in(events, transaction).await.map_err(ProjectionError::refuse)
    }
}
