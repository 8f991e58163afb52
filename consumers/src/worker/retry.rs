//! Trying parked keys again: by whoever has the partition, between its batches, so that old and new
//! events of a key never race.

use annals_core::store::{Advance, LogQuery, StoreError, TransactExt, Transaction};
use annals_core::table::{Direction, KeyValues, RowQuery};
use annals_core::{Position, RecordedEvent};
use jiff::SignedDuration;

use super::park::pause_after;
use super::work::Work;
use super::{Rows, Worker};
use crate::error::ConsumeError;
use crate::records::{
    Damaged, ParkedItem, ParkedKey, Record, load_readable, of_key, put, read, survey,
};

/// How many entries are read at a time.
const ITEMS: u32 = 100;

/// Tries the keys that are due, each until it fails again or has nothing left.
pub(super) async fn retry_due(work: &mut impl Work) -> Result<(), ConsumeError> {
    let due = work.worker().due.borrow_and_update().clone();
    for key in due {
        if work.worker().stop.is_set() {
            break;
        }
        retry(work, &key).await?;
    }
    Ok(())
}

async fn retry(work: &mut impl Work, key: &str) -> Result<(), ConsumeError> {
    let parked = match work.worker().parked_key(key).await? {
        Some(Ok(parked)) => parked,
        // Somebody has damaged its row since it was found to be due: it goes on waiting.
        Some(Err(row)) => {
            row.say();
            return Ok(());
        }
        // It was healed since.
        None => {
            work.worker().parked.heal(key);
            return Ok(());
        }
    };
    if parked.discarded_by.is_some() {
        return work.worker().discard(key).await;
    }
    loop {
        let items = match work.worker().items(key).await? {
            Ok(items) => items,
            // What stands behind it would come before it.
            Err(row) => return work.worker().failed_again(key, None, &damaged(row)).await,
        };
        if items.is_empty() {
            return work.worker().heal(key).await;
        }
        for item in items {
            if work.worker().stop.is_set() {
                return Ok(());
            }
            let event = match &item.body {
                None => work.worker().event(item.position).await?,
                Some(body) => match body.event() {
                    Ok(event) => event,
                    Err(why) => {
                        let why = format!("what waits at {} cannot be read: {why}", item.position);
                        let error = ConsumeError::poison(why);
                        return work.worker().failed_again(key, None, &error).await;
                    }
                },
            };
            if let Some(error) = work.redo(&event, item).await? {
                let error = work.worker().explain(&event, error);
                return work.worker().failed_again(key, Some(&event), &error).await;
            }
        }
    }
}

/// It waits for a person.
fn damaged(row: Damaged) -> ConsumeError {
    ConsumeError::poison(StoreError::from(row))
}

impl Worker {
    /// The first entries behind a key, unless one of them is damaged.
    async fn items(&self, key: &str) -> Result<Result<Vec<ParkedItem>, Damaged>, StoreError> {
        let (items, damaged) = self.first_items(key).await?;
        Ok(damaged.into_iter().next().map_or(Ok(items), Err))
    }

    async fn first_items(&self, key: &str) -> Result<(Vec<ParkedItem>, Vec<Damaged>), StoreError> {
        let conditions = of_key(&self.id.consumer, self.id.generation, key);
        let order = vec![("position", Direction::Ascending)];
        let query = RowQuery { conditions, order, limit: ITEMS, ..RowQuery::default() };
        survey(&**self.context.stores.work(), &query).await
    }

    /// An event of the log by its position.
    async fn event(&self, position: Position) -> Result<RecordedEvent, ConsumeError> {
        let before = Position::new(position.get().saturating_sub(1));
        let query = LogQuery::after(before).up_to(position).limit(1);
        let page = self.context.stores.log().read_log(&query).await?;
        page.events.into_iter().next().ok_or_else(|| {
            ConsumeError::blocked("the log", format!("there is no event at position {position}"))
        })
    }

    /// What stands about a parked key.
    async fn parked_key(
        &self,
        key: &str,
    ) -> Result<Option<Result<ParkedKey, Damaged>>, StoreError> {
        let keys = [self.parked_row_key(key)];
        let rows = self.context.stores.work().load_rows(ParkedKey::table(), &keys).await?;
        Ok(rows.into_iter().next().map(read::<ParkedKey>))
    }

    /// Throws away what waits behind a key, and lets it go.
    async fn discard(&mut self, key: &str) -> Result<(), ConsumeError> {
        loop {
            let (items, damaged) = self.first_items(key).await?;
            if items.is_empty() && damaged.is_empty() {
                return self.heal(key).await;
            }
            let damaged = damaged.into_iter().map(|row| row.key);
            self.remove_items(items.iter().map(Record::key).chain(damaged).collect()).await?;
        }
    }

    /// Removes entries behind a key, whose events are dealt with.
    pub(super) async fn remove_items(&self, keys: Vec<KeyValues>) -> Result<(), ConsumeError> {
        Ok(self.write(self.committed, Rows::Remove(ParkedItem::table(), keys)).await?)
    }

    /// A key has nothing left: it is one like all others again.
    async fn heal(&mut self, key: &str) -> Result<(), ConsumeError> {
        let keys = vec![self.parked_row_key(key)];
        self.write(self.committed, Rows::Remove(ParkedKey::table(), keys)).await?;
        tracing::info!(partition = %self.id, "a parked key is healed");
        self.parked.heal(key);
        Ok(())
    }

    /// A parked key failed again: it waits longer, at the event that failed now, or where it was if none
    /// could be read.
    async fn failed_again(
        &self,
        key: &str,
        event: Option<&RecordedEvent>,
        error: &ConsumeError,
    ) -> Result<(), ConsumeError> {
        let failure = Failure {
            at: event.map(|event| (event.position, event.event_type.as_str().to_owned())),
            reason: error.reason(),
            again: !error.is_hopeless(),
        };
        let (row_key, step) = (self.parked_row_key(key), self.step(self.committed));
        let options = self.context.options.clone();
        self.context
            .stores
            .work()
            .transact_with(move |transaction| {
                let (row_key, step) = (row_key.clone(), step.clone());
                let (failure, options) = (failure.clone(), options.clone());
                Box::pin(async move {
                    let key = load_readable::<ParkedKey>(transaction, row_key).await?;
                    note(transaction, key, failure, &options, &step).await
                })
            })
            .await?;
        Ok(())
    }

    fn parked_row_key(&self, key: &str) -> KeyValues {
        ParkedKey::row_key(&self.id.consumer, self.id.generation, key)
    }
}

/// What went wrong with a parked key.
#[derive(Clone)]
struct Failure {
    at: Option<(Position, String)>,
    reason: String,
    again: bool,
}

async fn note(
    transaction: &mut dyn Transaction,
    key: Option<ParkedKey>,
    failure: Failure,
    options: &crate::options::EngineOptions,
    step: &Advance,
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    if let Some(mut key) = key {
        key.attempts = key.attempts.saturating_add(1);
        let Failure { at, reason, again } = failure;
        let (position, event_type) = at.unwrap_or((key.position, key.event_type));
        let parked_for = match key.position == position {
            true => now.duration_since(key.since),
            // It got further: this event has not been waiting for its own sake.
            false => SignedDuration::ZERO,
        };
        let next = now.checked_add(pause_after(options, parked_for)).ok();
        // What somebody wants thrown away does not wait.
        key.next_attempt = match key.discarded_by {
            Some(_) => Some(now),
            // What was skipped waits for a person.
            None => next.filter(|_| again && !key.skipped),
        };
        (key.position, key.event_type, key.reason) = (position, event_type, reason);
        put(transaction, &key).await?;
    }
    transaction.advance_checkpoint(step).await
}
