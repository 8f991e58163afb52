//! What an event of the log says to which instances.

use std::collections::HashSet;

use annals_consumers::{Concerned, Concerns, ConsumeError};
use annals_core::{Event, Recorded, RecordedEvent};

use crate::correlation::{Begins, Correlation};
use crate::event::{Reply, SagaEvent, said};
use crate::input::{HappenedEvent, Input};
use crate::saga::Saga;

/// An event, and the instances that are to be told it.
pub(super) struct Told {
    pub(super) event: RecordedEvent,
    pub(super) instances: Vec<Correlation>,
}

impl Told {
    /// To be told to those of the instances that it concerns whose names stand with it.
    pub(super) fn of<S: Saga>(concerned: Concerned) -> Result<Self, ConsumeError> {
        let Concerned { event, keys } = concerned;
        let keys: HashSet<&str> = keys.iter().map(String::as_str).collect();
        let mut instances = correlations::<S>(&event)?;
        instances.retain(|one| keys.contains(one.instance()));
        Ok(Self { event, instances })
    }
}

/// Which instances an event concerns, each once.
fn correlations<S: Saga>(event: &RecordedEvent) -> Result<Vec<Correlation>, ConsumeError> {
    if SagaEvent::knows(event.event_type.as_str()) {
        let is_said = event.stream.category() == said(S::NAME);
        return Ok(match is_said {
            true => {
                vec![Correlation { instance: event.stream.id().to_owned(), begins: begins(event)? }]
            }
            false => Vec::new(),
        });
    }
    let recorded = Recorded::<S::Event>::decode(event.clone()).map_err(ConsumeError::poison)?;
    let mut all = S::correlate(&recorded);
    let mut names = HashSet::new();
    all.retain(|one| names.insert(one.instance.clone()));
    Ok(all)
}

/// What is said to an instance is for one that is there, unless it is an event from elsewhere that begins it.
fn begins(event: &RecordedEvent) -> Result<Begins, ConsumeError> {
    Ok(match said_by(event)? {
        SagaEvent::Told { begins, .. } => begins,
        _ => Begins::Never,
    })
}

/// What an event says, to whomever it concerns.
pub(super) fn input(event: &RecordedEvent) -> Result<Input, ConsumeError> {
    if !SagaEvent::knows(event.event_type.as_str()) {
        return HappenedEvent::of(event).map(Input::Event).map_err(ConsumeError::poison);
    }
    Ok(match said_by(event)? {
        SagaEvent::Told { event, .. } => Input::Event(event),
        SagaEvent::Replied { number: command, reply: Reply::Done } => Input::Done { command },
        SagaEvent::Replied { number: command, reply: Reply::Refused { reason } } => {
            Input::Refused { command, reason }
        }
        SagaEvent::Steered { steer } => Input::Steered(steer),
        SagaEvent::Stepped { .. } | SagaEvent::Sent { .. } => {
            let why = format!("`{}` says nothing to an instance", event.event_type);
            return Err(ConsumeError::poison(why));
        }
    })
}

fn said_by(event: &RecordedEvent) -> Result<SagaEvent, ConsumeError> {
    Recorded::<SagaEvent>::decode(event.clone())
        .map(|recorded| recorded.data)
        .map_err(ConsumeError::poison)
}

/// The instances that an event concerns.
pub(crate) struct Instances<S>(pub(crate) std::marker::PhantomData<fn(S)>);

impl<S: Saga> Concerns for Instances<S> {
    fn keys(&self, event: &RecordedEvent) -> Result<Vec<String>, ConsumeError> {
        Ok(correlations::<S>(event)?.into_iter().map(|one| one.instance).collect())
    }
}
