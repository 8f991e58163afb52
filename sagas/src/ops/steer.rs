//! What people say to instances.

use annals_core::store::{Append, StoreError};
use annals_core::{
    ExpectedVersion, InvalidName, Journal, JournalError, Metadata, NewEvent, RegisterError,
    StreamId,
};

use super::show;
use crate::event::{SagaEvent, said};
use crate::input::Steer;
use crate::ledger::Phase;

/// Why a person is not heard.
#[derive(Debug, thiserror::Error)]
pub enum SteerError {
    /// There is no such instance.
    #[error("there is no `{instance}` of the saga `{saga}`")]
    Unknown {
        /// The saga.
        saga: String,
        /// Which.
        instance: String,
    },
    /// The instance does not wait for that.
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

/// Says something to an instance. It is heard when the program of the saga comes to it; what does not fit any
/// more by then has no effect.
///
/// # Errors
/// [`SteerError::Refused`] when it does not fit now, and what does.
pub async fn steer(
    journal: &Journal,
    saga: &str,
    instance: &str,
    steer: Steer,
) -> Result<(), SteerError> {
    let Some(shown) = show(&**journal.log(), saga, instance).await? else {
        let (saga, instance) = (saga.to_owned(), instance.to_owned());
        return Err(SteerError::Unknown { saga, instance });
    };
    let phase = shown.ledger.phase();
    let is_heard = match steer {
        Steer::Cancel { .. } => matches!(phase, Phase::Running | Phase::Completing),
        Steer::Retry { .. } | Steer::Resolve { .. } => matches!(phase, Phase::Stuck { .. }),
    };
    if !is_heard {
        let stands = phase.as_str();
        let way_out = match phase {
            Phase::New | Phase::Running | Phase::Completing => "it can be cancelled",
            Phase::Compensating { .. } => "what was done is being undone: nobody need do anything",
            Phase::Stuck { .. } => "it can be retried or resolved",
            Phase::Ended(_) => "there is nothing left to do",
        };
        let why = format!("`{instance}` of the saga `{saga}` is {stands}: {way_out}");
        return Err(SteerError::Refused(why));
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
