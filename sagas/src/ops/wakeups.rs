//! Whether somebody owes every instance that has not ended a wake-up, and nobody owes one that nothing waits
//! for. Log and workspace have to be one store: where they are apart, a step that was just written has its
//! timers a moment later, and would be found without.

use annals_consumers::{Record, TimerRecord, timers};
use annals_core::store::{Browse, EventLog, MAX_STREAMS, StoreError, StreamQuery, Workspace};
use annals_core::table::Value;
use annals_core::{Recorded, StreamId, StreamVersion};
use jiff::Timestamp;
use serde::Serialize;

use super::{AT_A_TIME, alarm, names, standing};
use crate::alarm::Alarm;
use crate::decision::Decided;
use crate::event::{SagaEvent, stream_of};
use crate::ledger::{Ledger, Phase};

/// How often is looked again at an instance that goes on while it is looked at.
const TRIES: usize = 5;

/// What is wrong with the wake-ups of a saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// An instance has a deadline, and no timer stands for it.
    Missing {
        /// The instance.
        instance: String,
        /// The deadline's name.
        deadline: String,
        /// When it is.
        at: Timestamp,
    },
    /// A timer stands for what no instance waits for.
    Orphan {
        /// The instance that it is for.
        instance: String,
        /// The deadline's name.
        deadline: String,
        /// When it was to be.
        at: Timestamp,
        /// Why nothing waits for it.
        why: String,
    },
    /// A timer or the stream of an instance cannot be understood.
    Unreadable {
        /// Where, and why not.
        why: String,
    },
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Looked {
    /// How many timers or instances.
    pub at: usize,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// The instances that wait for a person, where timers were looked at.
    pub stuck: Vec<String>,
    /// There may be more, behind this.
    pub next: Option<String>,
}

/// Looks at the timers of a saga by key, those behind `after`, `most` of them and 1,000 at the most: whether an
/// instance waits for each.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn look_at_timers(
    (log, work): (&dyn EventLog, &dyn Workspace),
    saga: &str,
    after: Option<&str>,
    most: u32,
) -> Result<Looked, StoreError> {
    let most = most.min(AT_A_TIME);
    let page = timers(work, saga, after, most).await?;
    let is_last = page.len() < most as usize;
    let mut looked = Looked { at: page.len(), ..Looked::default() };
    looked.next = page.last().map(|last| last.key.clone()).filter(|_| !is_last);
    for timer in &page {
        let found = look_at_timer((log, work), saga, timer).await;
        match readable(found, &mut looked.faults)? {
            Some(Waits::Yes { stuck: Some(instance) }) => looked.stuck.push(instance),
            Some(Waits::No(fault)) => looked.faults.push(fault),
            Some(Waits::Yes { stuck: None }) | None => {}
        }
    }
    Ok(looked)
}

/// Looks at the instances of a saga by name, those behind `after`, `most` of them and [`MAX_STREAMS`] at the
/// most: whether each that has not ended has a timer for each of its deadlines.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn look_at_instances(
    (browse, log, work): (&dyn Browse, &dyn EventLog, &dyn Workspace),
    saga: &str,
    after: Option<&str>,
    most: usize,
) -> Result<Looked, StoreError> {
    let most = most.min(MAX_STREAMS);
    let page = names(browse, saga, after, most).await?;
    let is_last = page.len() < most;
    let mut looked = Looked { at: page.len(), ..Looked::default() };
    looked.next = page.last().cloned().filter(|_| !is_last);
    for instance in &page {
        let found = look_at_instance((log, work), saga, instance).await;
        let missing = readable(found, &mut looked.faults)?;
        looked.faults.extend(missing.unwrap_or_default());
    }
    Ok(looked)
}

/// What cannot be understood is a fault, and keeps nothing else from being looked at.
fn readable<T>(
    found: Result<T, StoreError>,
    faults: &mut Vec<Fault>,
) -> Result<Option<T>, StoreError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error @ StoreError::Corrupt { .. }) => {
            faults.push(Fault::Unreadable { why: error.to_string() });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

enum Waits {
    /// It is waited for; by an instance that waits for a person, too.
    Yes {
        stuck: Option<String>,
    },
    No(Fault),
}

async fn look_at_timer(
    (log, work): (&dyn EventLog, &dyn Workspace),
    saga: &str,
    timer: &TimerRecord,
) -> Result<Waits, StoreError> {
    let alarm = alarm(saga, timer)?;
    let Ok(stream) = stream_of(saga, &alarm.instance) else {
        return Ok(Waits::No(orphan(alarm, "that is no name of an instance".to_owned())));
    };
    for _ in 0..TRIES {
        let (ledger, version) = standing(log, &stream).await?;
        if ledger.deadlines().get(&alarm.deadline) == Some(&alarm.at) {
            let is_stuck = matches!(ledger.phase(), Phase::Stuck { .. });
            return Ok(Waits::Yes { stuck: is_stuck.then_some(alarm.instance) });
        }
        // A timer goes with the step after which nothing waits for it, so one that is there without such a
        // step having been written meanwhile is an orphan.
        let again = find(work, saga, &timer.key).await?;
        if again.is_none_or(|again| again.body != timer.body) {
            break;
        }
        if end_of(log, &stream).await? == version {
            return Ok(Waits::No(orphan(alarm, why_not(&ledger))));
        }
    }
    Ok(Waits::Yes { stuck: None })
}

fn orphan(Alarm { instance, deadline, at, .. }: Alarm, why: String) -> Fault {
    Fault::Orphan { instance, deadline, at, why }
}

fn why_not(ledger: &Ledger) -> String {
    match ledger.phase() {
        Phase::New => "the instance never began".to_owned(),
        Phase::Ended(_) => format!("the instance was {}", ledger.phase().as_str()),
        _ => "the instance has no such deadline".to_owned(),
    }
}

/// The deadlines of an instance without a timer.
pub(super) async fn look_at_instance(
    (log, work): (&dyn EventLog, &dyn Workspace),
    saga: &str,
    instance: &str,
) -> Result<Vec<Fault>, StoreError> {
    let Ok(stream) = stream_of(saga, instance) else { return Ok(Vec::new()) };
    if has_ended(log, &stream).await? {
        return Ok(Vec::new());
    }
    for _ in 0..TRIES {
        let (ledger, version) = standing(log, &stream).await?;
        let mut missing = Vec::new();
        for (deadline, at) in ledger.deadlines() {
            let timer = find(work, saga, &Alarm::key(instance, deadline)).await?;
            let stands = timer.map(|timer| alarm(saga, &timer)).transpose()?;
            if stands.is_none_or(|alarm| alarm.at != *at) {
                let (instance, deadline) = (instance.to_owned(), deadline.clone());
                missing.push(Fault::Missing { instance, deadline, at: *at });
            }
        }
        // As above.
        if missing.is_empty() || end_of(log, &stream).await? == version {
            return Ok(missing);
        }
    }
    Ok(Vec::new())
}

/// The timer with a key.
async fn find(
    work: &dyn Workspace,
    saga: &str,
    key: &str,
) -> Result<Option<TimerRecord>, StoreError> {
    let key = vec![Value::Text(saga.to_owned()), Value::Text(key.to_owned())];
    let rows = work.load_rows(TimerRecord::table(), &[key]).await?;
    rows.into_iter().next().map(TimerRecord::of).transpose()
}

/// The version of the last event of a stream.
async fn end_of(log: &dyn EventLog, stream: &StreamId) -> Result<StreamVersion, StoreError> {
    let last = log.read_stream(&StreamQuery::all(stream.clone()).backward().limit(1)).await?;
    Ok(last.first().map_or(StreamVersion::NONE, |event| event.version))
}

/// Whether the last event of an instance is its last step: what has ended need not be read whole.
async fn has_ended(log: &dyn EventLog, stream: &StreamId) -> Result<bool, StoreError> {
    let last = log.read_stream(&StreamQuery::all(stream.clone()).backward().limit(1)).await?;
    let last = last.into_iter().next().and_then(|event| Recorded::<SagaEvent>::decode(event).ok());
    Ok(last.is_some_and(|event| match event.data {
        SagaEvent::Stepped { step } => {
            step.decided.iter().any(|one| matches!(one, Decided::End { .. }))
        }
        _ => false,
    }))
}
