//! What people see of sagas and say to them, without the program that runs them.

use std::collections::BTreeSet;

use annals_consumers::timers;
use annals_core::store::{Append, EventLog, StoreError, Workspace};
use annals_core::{
    ExpectedVersion, InvalidName, Journal, JournalError, Metadata, NewEvent, RegisterError,
    StreamId,
};

use crate::alarm::Alarm;
use crate::event::{SagaEvent, said, stream_of};
use crate::input::Steer;
use crate::ledger::{Ledger, Phase};
use crate::step::Step;
use crate::steps::{Unread, read};

/// How many timers are read at a time.
const AT_A_TIME: u32 = 1_000;

/// An instance, as its stream says.
#[derive(Debug)]
pub struct Shown {
    /// Which.
    pub instance: String,
    /// What is known of it.
    pub ledger: Ledger,
    /// Its steps, the oldest first.
    pub steps: Vec<Step>,
}

/// Why a person is not heard.
#[derive(Debug, thiserror::Error)]
pub enum SteerError {
    /// There is no such instance, or it does not wait for that.
    #[error("{0}")]
    Refused(String),
    /// The name of the saga or the instance cannot be one.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// The events of sagas do not fit this store.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// It could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The instances of a saga that have not ended, by name, `most` of them: each has a deadline, and is found by
/// that.
///
/// # Errors
/// [`StoreError`] when the store cannot be read, or holds what cannot be understood.
pub async fn open(
    (log, work): (&dyn EventLog, &dyn Workspace),
    saga: &str,
    most: usize,
) -> Result<Vec<Shown>, StoreError> {
    let mut names = BTreeSet::new();
    let mut after: Option<String> = None;
    loop {
        let page = timers(work, saga, after.as_deref(), AT_A_TIME).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for timer in &page {
            let alarm: Alarm = serde_json::from_str(&timer.body.0).map_err(|error| {
                let place = format!("the timer `{}` of the saga `{saga}`", timer.key);
                StoreError::Corrupt { place, detail: error.to_string() }
            })?;
            names.insert(alarm.instance);
        }
        if names.len() >= most || page.len() < AT_A_TIME as usize {
            break;
        }
    }
    let mut all = Vec::new();
    for name in names.into_iter().take(most) {
        all.extend(show(log, saga, &name).await?);
    }
    Ok(all)
}

/// An instance with all its steps, if it ever began.
///
/// # Errors
/// [`StoreError`] when the store cannot be read, or holds what cannot be understood.
pub async fn show(
    log: &dyn EventLog,
    saga: &str,
    instance: &str,
) -> Result<Option<Shown>, StoreError> {
    let Ok(stream) = stream_of(saga, instance) else { return Ok(None) };
    let (mut ledger, mut steps) = (Ledger::default(), Vec::new());
    let keep = |step| {
        ledger.fold(&step)?;
        steps.push(step);
        Ok(())
    };
    read(log, &stream, keep).await.map_err(|unread| match unread {
        Unread::Store(error) => error,
        Unread::Corrupt { version, why: detail } => {
            let place = format!("version {version} of the stream `{stream}`");
            StoreError::Corrupt { place, detail }
        }
    })?;
    let instance = instance.to_owned();
    Ok((!steps.is_empty()).then_some(Shown { instance, ledger, steps }))
}

/// Says something to an instance. It is heard when the program of the saga comes to it; what does not fit any
/// more by then has no effect.
///
/// # Errors
/// [`SteerError::Refused`] when it does not fit now.
pub async fn steer(
    journal: &Journal,
    saga: &str,
    instance: &str,
    steer: Steer,
) -> Result<(), SteerError> {
    let shown = show(&**journal.log(), saga, instance).await?;
    let Some(shown) = shown else {
        return Err(SteerError::Refused(format!("there is no `{instance}` of the saga `{saga}`")));
    };
    let phase = shown.ledger.phase();
    let fits = match steer {
        Steer::Cancel { .. } => {
            matches!(phase, Phase::Running | Phase::Completing)
        }
        Steer::Retry { .. } | Steer::Resolve { .. } => matches!(phase, Phase::Stuck { .. }),
    };
    if !fits {
        let stands = phase.as_str();
        return Err(SteerError::Refused(format!("`{instance}` of the saga `{saga}` is {stands}")));
    }
    say(journal, (saga, instance), steer).await
}

/// Says something to an instance, whether or not it is there.
pub(crate) async fn say(
    journal: &Journal,
    (saga, instance): (&str, &str),
    steer: Steer,
) -> Result<(), SteerError> {
    journal.register::<SagaEvent>().await?;
    let metadata = Metadata {
        correlation_id: Some(instance.to_owned()),
        actor: Some(steer.by().to_owned()),
        ..Metadata::default()
    };
    let event = NewEvent::of(&SagaEvent::Steered { steer }).map_err(|error| {
        SteerError::Refused(format!("what was said cannot be written: {error}"))
    })?;
    let stream = StreamId::new(&said(saga), instance)?;
    let events = vec![event.with_metadata(metadata)];
    journal.append(Append::to(stream, ExpectedVersion::Any, events)).await?;
    Ok(())
}
