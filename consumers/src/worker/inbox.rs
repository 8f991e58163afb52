//! What a partition has had of what may come twice.

use std::collections::{BTreeMap, VecDeque};

use annals_core::store::{StoreError, TableStore, Transaction};
use annals_core::table::{KeyValues, Row};
use annals_core::{Position, RecordedEvent};

use super::known::Known;
use crate::error::ConsumeError;
use crate::inbox::{Seen, seen};
use crate::inflow::PASSED_BY;
use crate::records::{InboxRecord, Record, read};

/// How many keys are looked up at a time.
const AT_A_TIME: usize = 1_000;

/// Tells repetitions, by what is written with each effect. Between a look and the commit nobody else deals
/// with a message of the partition, unless the broker gives it to two: then the commit of the second one
/// fails, and it looks again.
#[derive(Clone)]
pub(super) struct Inbox {
    consumer: String,
    /// One that begins anew has had nothing.
    generation: u64,
    /// Whether the messages of a stream come in order.
    ordered: bool,
    /// Taken in and not written yet, in order.
    taken: VecDeque<(Position, Seen)>,
    /// What the table is known to say of streams that come in order, so that it need not be asked for each
    /// message. Should somebody else have written meanwhile, the commit notices.
    stands: Known,
}

impl Inbox {
    pub(super) fn new(consumer: String, generation: u64, ordered: bool) -> Self {
        Self { consumer, generation, ordered, taken: VecDeque::new(), stands: Known::default() }
    }

    /// Leaves out what has had its effect, or is about to.
    pub(super) async fn absorb(
        &mut self,
        store: &(impl TableStore + ?Sized),
        events: &mut Vec<RecordedEvent>,
    ) -> Result<(), StoreError> {
        let came = events.len();
        events.retain(|event| event.event_type != PASSED_BY);
        metrics::counter!("annals_inbox_passed_by_total", "consumer" => self.consumer.clone())
            .increment((came - events.len()) as u64);
        let all: Vec<Seen> = events.iter().map(|event| seen(event, self.ordered)).collect();
        let mut known = self.known(store, &all).await?;
        self.taken.iter().for_each(|(_, taken)| known.add(taken));
        let before = events.len();
        let mut all = all.into_iter();
        events.retain(|event| {
            // There is one for each event.
            let Some(seen) = all.next() else { return false };
            if known.of(&seen).is_some_and(|version| version >= seen.version) {
                return false;
            }
            known.add(&seen);
            self.taken.push_back((event.position, seen));
            true
        });
        let absorbed = (before - events.len()) as u64;
        metrics::counter!("annals_inbox_absorbed_total", "consumer" => self.consumer.clone())
            .increment(absorbed);
        Ok(())
    }

    /// What was written of those that came.
    async fn known(
        &mut self,
        store: &(impl TableStore + ?Sized),
        all: &[Seen],
    ) -> Result<Known, StoreError> {
        let mut known = Known::default();
        let mut keys: Vec<KeyValues> = Vec::new();
        for seen in all {
            match self.stands.of(seen) {
                Some(version) => known.put(&seen.source, &seen.id, version),
                None => keys.push(seen.record(self.of()).key()),
            }
        }
        keys.sort_by(|a, b| a[2].order(&b[2]).then_with(|| a[3].order(&b[3])));
        keys.dedup();
        for keys in keys.chunks(AT_A_TIME) {
            for row in store.load_rows(InboxRecord::table(), keys).await? {
                let row = read::<InboxRecord>(row)?;
                known.put(&row.source, &row.id, row.version);
                if self.ordered {
                    self.stands.put(&row.source, &row.id, row.version);
                }
            }
        }
        Ok(known)
    }

    /// Takes an event in that nobody has had, and that failed: what was known of it is forgotten with its
    /// batch.
    pub(super) fn take(&mut self, event: &RecordedEvent) {
        self.taken.push_back((event.position, seen(event, self.ordered)));
    }

    /// What is to be written with the effects up to a position.
    pub(super) fn had(&self, up_to: Position) -> Vec<InboxRecord> {
        let taken = self.taken.iter().take_while(|(position, _)| *position <= up_to);
        // The last one of a stream says it for those before.
        let last: BTreeMap<_, _> =
            taken.map(|(_, seen)| ((&seen.source, &seen.id), seen)).collect();
        last.into_values().map(|seen| seen.record(self.of())).collect()
    }

    fn of(&self) -> (&str, u64) {
        (&self.consumer, self.generation)
    }

    /// It is written up to a position.
    pub(super) fn written(&mut self, up_to: Position) {
        let written = self.taken.partition_point(|(position, _)| *position <= up_to);
        for (_, seen) in self.taken.drain(..written) {
            // Ids of messages without an order come once, as a rule.
            if self.ordered {
                self.stands.add(&seen);
            }
        }
    }

    /// What is known behind a position does not hold any more.
    pub(super) fn forget(&mut self) {
        self.taken.clear();
        self.stands.forget();
    }
}

/// Writes what [`Inbox::had`] says.
///
/// # Errors
/// That somebody else has dealt with one of them meanwhile: nothing may be written then.
pub(super) async fn write(
    transaction: &mut dyn Transaction,
    had: &[InboxRecord],
) -> Result<(), StoreError> {
    if had.is_empty() {
        return Ok(());
    }
    let seen_at = transaction.now().await?;
    let rows = had.iter().map(|record| InboxRecord { seen_at, ..record.clone() }.row());
    let rows: Vec<Row> = rows.collect();
    let written = transaction.raise_rows(InboxRecord::table(), &rows, "version").await?;
    if written < rows.len() as u64 {
        let why = "another process has dealt with a message of this batch meanwhile";
        return Err(ConsumeError::blocked("the inbox", why).refuse());
    }
    Ok(())
}
