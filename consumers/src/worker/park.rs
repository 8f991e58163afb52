//! Which keys of a partition are parked, and parking another.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use annals_core::store::{Advance, StoreError, TransactExt, Transaction};
use annals_core::table::RowQuery;
use annals_core::{Position, RecordedEvent};
use jiff::{SignedDuration, Timestamp};

use super::concerned::is_stray;
use super::{Worker, inbox};
use crate::consume::OnFailure;
use crate::error::ConsumeError;
use crate::options::EngineOptions;
use crate::records::{
    Json, ParkedItem, ParkedKey, Record, load_readable, of_generation, put, survey, that_wait,
};

/// From how many parked keys on it matters how many keys there are.
const FEW: usize = 10;

/// How many keys are counted.
const COUNTED_KEYS: usize = 1_000;

/// The parked keys of a partition, as far as whoever has it knows; nobody else adds one or lets one go
/// without taking the partition away. Those that go on without what was skipped are not among them. A key
/// that was parked before the consumer was told to stop or to skip waits as before.
pub(super) struct Parked {
    keys: BTreeSet<String>,
    on_failure: OnFailure,
    most: usize,
    /// Hashes of keys that came by, to tell a fault of single events from one of everything.
    seen: HashSet<u64>,
}

impl Parked {
    pub(super) fn new(on_failure: OnFailure, most: usize) -> Self {
        Self { keys: BTreeSet::new(), on_failure, most, seen: HashSet::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn holds(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    pub(super) fn heal(&mut self, key: &str) {
        self.keys.remove(key);
    }

    pub(super) fn add(&mut self, key: &str) {
        if self.on_failure == OnFailure::Park {
            self.keys.insert(key.to_owned());
        }
    }

    pub(super) fn see(&mut self, key: &str) {
        if self.seen.len() < COUNTED_KEYS {
            let mut hasher = DefaultHasher::new();
            key.hash(&mut hasher);
            self.seen.insert(hasher.finish());
        }
    }

    /// Whether one more is no fault of single events any more.
    fn is_systemic(&self) -> bool {
        let parked = self.keys.len() + 1;
        parked > self.most
            || (parked > FEW && self.seen.len() < COUNTED_KEYS && parked * 10 > self.seen.len())
    }
}

impl Worker {
    /// Reads which keys are parked.
    pub(super) async fn load_parked(&mut self) -> Result<(), ConsumeError> {
        let mut conditions = of_generation(&self.id.consumer, self.id.generation);
        conditions.push(that_wait());
        let query = RowQuery { conditions, ..RowQuery::default() };
        let slices = self.partition.slices();
        let work = self.context.stores.work();
        let (keys, damaged) = survey::<ParkedKey>(&**work, &query).await?;
        let own = keys.into_iter().filter(|key| slices.contains(&key.slice) && !is_stray(&key.key));
        // What waits behind a key whose row is damaged waits all the same, whoever has its slice.
        let damaged = damaged.iter().filter_map(|row| row.text(2).map(str::to_owned));
        self.parked.keys = own.map(|key| key.key).chain(damaged).collect();
        Ok(())
    }

    /// The entry of an event behind its key, with the event where it cannot be read again.
    pub(super) fn item(&self, key: &str, event: &RecordedEvent) -> ParkedItem {
        ParkedItem {
            consumer: self.id.consumer.clone(),
            generation: self.id.generation,
            key: key.to_owned(),
            position: event.position,
            body: (!self.feed.is_log()).then(|| Json::of_event(event)),
        }
    }

    /// The slice that says whose a parked key is: that of its stream, or for messages, which are cut by
    /// lanes and not by slices, one of the partition's own.
    fn slice(&self, event: &RecordedEvent, key: &str) -> u16 {
        match self.feed.is_log() {
            true if self.consumer.concerns.is_some() => Self::slice_of_concerned(event, key),
            true => event.stream.slice().get(),
            false => self.partition.first_slice,
        }
    }

    /// Parks a key with the event that failed under it, in the transaction that proves the partition, and moves
    /// the checkpoint to `to`.
    pub(super) async fn park(
        &mut self,
        (event, key): (&RecordedEvent, String),
        (error, attempts): (&ConsumeError, u32),
        to: Position,
    ) -> Result<(), ConsumeError> {
        let holds_up = !is_stray(&key);
        if holds_up && self.parked.is_systemic() && self.consumer.on_failure == OnFailure::Park {
            return Err(ConsumeError::retry(format!(
                "{} keys are parked, which is no fault of single events any more: `{}` stands still \
                 until the next one succeeds. The last one failed at position {} of the log, stream \
                 `{}`: {error}",
                self.parked.len(),
                self.consumer.name,
                event.position,
                event.stream,
            )));
        }
        let again = !error.is_hopeless() && self.consumer.on_failure == OnFailure::Park;
        let record = ParkedKey {
            consumer: self.id.consumer.clone(),
            generation: self.id.generation,
            key: key.clone(),
            slice: self.slice(event, &key),
            position: event.position,
            event_type: event.event_type.as_str().to_owned(),
            reason: error.reason(),
            attempts,
            since: Timestamp::UNIX_EPOCH,
            next_attempt: again.then_some(Timestamp::UNIX_EPOCH),
            discarded_by: None,
            skipped: self.consumer.on_failure == OnFailure::Skip,
        };
        let (item, step) = (self.item(&key, event), self.step(to));
        let had = self.absorbed(to);
        let pause = pause_after(&self.context.options, SignedDuration::ZERO);
        self.context
            .stores
            .work()
            .transact_with(move |transaction| {
                let (record, item, step) = (record.clone(), item.clone(), step.clone());
                let had = had.clone();
                Box::pin(async move {
                    inbox::write(transaction, &had).await?;
                    write(transaction, record, pause, &item, &step).await
                })
            })
            .await?;
        metrics::counter!("annals_consumer_parked_total", "consumer" => self.id.consumer.clone())
            .increment(1);
        tracing::warn!(partition = %self.id, position = event.position.get(), %error, "a key is parked");
        if holds_up {
            self.parked.add(&key);
        }
        self.moved(to);
        Ok(())
    }
}

async fn write(
    transaction: &mut dyn Transaction,
    mut record: ParkedKey,
    pause: SignedDuration,
    item: &ParkedItem,
    step: &Advance,
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    record.since = now;
    record.next_attempt = record.next_attempt.and_then(|_| now.checked_add(pause).ok());
    // Where keys go on without what was skipped, one may be there already.
    if let Some(known) = load_readable::<ParkedKey>(transaction, record.key()).await?
        && known.discarded_by.is_some()
    {
        (record.discarded_by, record.next_attempt) = (known.discarded_by, Some(now));
    }
    put(transaction, &record).await?;
    put(transaction, item).await?;
    transaction.advance_checkpoint(step).await
}

/// How long a parked key waits: as long again as it has been waiting, between the options' bounds.
pub(super) fn pause_after(options: &EngineOptions, parked_for: SignedDuration) -> SignedDuration {
    let bound = |bound| SignedDuration::try_from(bound).unwrap_or(SignedDuration::MAX);
    let (least, most) = (bound(options.parked_after), bound(options.parked_at_most));
    parked_for.clamp(least, most.max(least))
}
