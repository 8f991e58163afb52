//! What the next transaction of a saga writes.

use std::collections::{BTreeMap, BTreeSet};

use annals_consumers::{ConsumeError, Timer, cancel, schedule, timers_in};
use annals_core::store::{Append, StoreError, StreamAppend, Transaction};
use annals_core::{ErrorKind, EventId, Journal, JournalError, NewEvent, Position};
use jiff::Timestamp;
use uuid::Uuid;

use crate::alarm::Alarm;
use crate::census::Census;

/// The deadlines of an instance, by name.
pub(super) type Deadlines = BTreeMap<String, Timestamp>;

#[derive(Default)]
pub(super) struct Ready {
    pub(super) steps: u64,
    /// Everything that came up to here is told.
    pub(super) told: Position,
    /// What the transaction appends.
    pub(super) append: Option<Append>,
    /// By instance.
    pub(super) streams: BTreeMap<String, Made>,
    /// Timers that have been dealt with, by key.
    pub(super) fired: BTreeSet<String>,
    /// Who went from where to where.
    pub(super) moves: Census,
    /// What the partition has counted then, if it changes.
    pub(super) census: Option<Census>,
    /// By how much their deadlines were late, in seconds.
    pub(super) late: Vec<f64>,
    /// Timers that are tried again later.
    pub(super) put_off: Vec<Timer>,
}

/// What an instance has made.
pub(super) struct Made {
    /// How many instances have made something before it.
    pub(super) order: usize,
    pub(super) append: StreamAppend,
    /// Its deadlines before, as far as its timers are known to say the same.
    pub(super) before: Option<Deadlines>,
    /// Its deadlines now.
    pub(super) now: Deadlines,
}

impl Ready {
    pub(super) fn pending(&self) -> usize {
        self.streams.len() + self.fired.len() + self.put_off.len()
    }

    /// Writes the timers.
    pub(super) async fn write_timers(
        &self,
        transaction: &mut dyn Transaction,
        saga: &str,
    ) -> Result<(), ConsumeError> {
        let mut gone: BTreeSet<String> = self.fired.clone();
        let mut set = self.put_off.clone();
        for (instance, made) in &self.streams {
            let before = match &made.before {
                Some(before) => before.clone(),
                None => known(transaction, saga, instance).await?,
            };
            let over = before.keys().filter(|name| !made.now.contains_key(*name));
            gone.extend(over.map(|deadline| Alarm::key(instance, deadline)));
            for (deadline, at) in &made.now {
                // One that was fired may be set again for the very same time.
                let stands = before.get(deadline) == Some(at)
                    && !self.fired.contains(&Alarm::key(instance, deadline));
                if stands {
                    continue;
                }
                let alarm = Alarm::new(instance, deadline, *at);
                set.push(alarm.timer().map_err(ConsumeError::poison)?);
            }
        }
        cancel(transaction, saga, gone).await?;
        schedule(transaction, saga, set).await?;
        Ok(())
    }

    /// Makes ready what the transaction is to append.
    pub(super) async fn make_ready(&mut self, journal: &Journal) -> Result<(), ConsumeError> {
        self.append = match self.all() {
            Some(append) => Some(journal.make_ready(append).await.map_err(undecided)?),
            None => None,
        };
        Ok(())
    }

    /// The streams' appends, all of them at once, in the order in which the instances were told something.
    fn all(&self) -> Option<Append> {
        let made = self.streams.values().filter(|made| !made.append.events.is_empty());
        let mut made: Vec<_> = made.collect();
        made.sort_by_key(|made| made.order);
        let streams: Vec<_> = made.into_iter().map(|made| made.append.clone()).collect();
        (!streams.is_empty()).then(|| Append { streams, ..Append::default() })
    }

    /// Appends to a log that knows nothing of the transaction that is to follow. Each event's id is made of
    /// what the instance was told and of its place in the stream, so that two who do the same do it once.
    pub(super) async fn append_first(&mut self, journal: &Journal) -> Result<(), ConsumeError> {
        let Some(append) = self.all() else { return Ok(()) };
        let several = append.streams.len() > 1;
        let each = append.streams.clone();
        match journal.append(append).await {
            Ok(_) => {}
            // A log may take one stream at a time, or somebody is ahead of us in one of them.
            Err(error) if several && is_of_one(&error) => {
                for stream in each {
                    let append = Append { streams: vec![stream], ..Append::default() };
                    journal.append(append).await.map_err(undecided)?;
                }
            }
            Err(error) => return Err(undecided(error)),
        }
        self.streams.values_mut().for_each(|made| made.append.events.clear());
        Ok(())
    }

    /// When the earliest deadline is that was set.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.streams.values().flat_map(|made| made.now.values()).min().copied()
    }
}

fn is_of_one(error: &JournalError) -> bool {
    matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Invalid | ErrorKind::Refused)
}

/// What stands in the log is looked at before it is tried again.
fn undecided(error: JournalError) -> ConsumeError {
    match error {
        JournalError::Store(error @ StoreError::Conflict { .. }) => {
            ConsumeError::blocked("others who write to the same stream", error)
        }
        JournalError::Store(error) => error.into(),
        error => ConsumeError::retry(error),
    }
}

/// The deadlines of an instance as its timers say, however many there are: when its stream was written and it
/// is not known whether its timers were.
async fn known(
    transaction: &mut dyn Transaction,
    saga: &str,
    instance: &str,
) -> Result<Deadlines, ConsumeError> {
    let mut deadlines = Deadlines::new();
    for timer in timers_in(transaction, saga, Alarm::keys(instance)).await? {
        let alarm: Alarm = serde_json::from_str(&timer.body.0).map_err(ConsumeError::poison)?;
        if alarm.instance == instance {
            deadlines.insert(alarm.deadline, alarm.at);
        }
    }
    Ok(deadlines)
}

/// The id of an event that an instance makes of what it was told.
pub(super) fn derived(event: NewEvent, stream: &str, version: u64, told_by: &str) -> NewEvent {
    let name = format!("{stream}/{version}/{told_by}");
    event.with_id(EventId::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())))
}
