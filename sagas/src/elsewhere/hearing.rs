//! Tells instances here what happens elsewhere.

use std::marker::PhantomData;
use std::sync::Arc;

use annals_consumers::{ConsumeError, Deliver, SubscriberDefinition};
use annals_core::{
    Event, EventType, Journal, Metadata, NewEvent, Recorded, RecordedEvent, StreamId,
};
use async_trait::async_trait;

use super::{CommandEvent, Inward, consumer};
use crate::append_once::append_once;
use crate::event::{SagaEvent, said};
use crate::input::HappenedEvent;
use crate::saga::Saga;

/// The consumer `<name>-hears` that tells instances of a saga what comes as messages: events of its type, and
/// the replies to commands that were executed elsewhere. Each is appended to what is said to the instance,
/// once, by the message's id.
pub fn hearing<S: Saga>(journal: &Journal, inward: &Inward<'_>) -> SubscriberDefinition {
    let types = S::Event::descriptors().into_iter().map(|event| event.event_type);
    let types = types.chain(["annals.command.answered"]).map(EventType::from_static).collect();
    let hearing = Hearing::<S> { journal: journal.clone(), saga: PhantomData };
    consumer((format!("{}-hears", S::NAME), "saga hearing"), types, inward, Arc::new(hearing))
}

struct Hearing<S> {
    journal: Journal,
    saga: PhantomData<fn(S)>,
}

#[async_trait]
impl<S: Saga> Deliver for Hearing<S> {
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        for event in events {
            for (instance, said) in heard::<S>(event)? {
                self.say(event, &instance, &said).await?;
            }
        }
        Ok(())
    }

    /// What it appends has an id that is made of the message's.
    fn repeats(&self) -> bool {
        true
    }
}

impl<S: Saga> Hearing<S> {
    async fn say(
        &self,
        event: &RecordedEvent,
        instance: &str,
        what: &SagaEvent,
    ) -> Result<(), ConsumeError> {
        let stream = StreamId::new(&said(S::NAME), instance).map_err(ConsumeError::poison)?;
        let new = NewEvent::of(what).map_err(ConsumeError::poison)?;
        let new = new.with_metadata(Metadata::caused_by(event));
        append_once(&self.journal, &stream, vec![(new, event.id)], instance).await
    }
}

/// What a message says to which instances.
fn heard<S: Saga>(event: &RecordedEvent) -> Result<Vec<(String, SagaEvent)>, ConsumeError> {
    if CommandEvent::knows(event.event_type.as_str()) {
        let recorded = Recorded::<CommandEvent>::decode(event.clone());
        return Ok(match recorded.map_err(ConsumeError::poison)?.data {
            CommandEvent::Answered { saga, instance, number, reply } if saga == S::NAME => {
                vec![(instance, SagaEvent::Replied { number, reply })]
            }
            // Another saga's.
            _ => Vec::new(),
        });
    }
    let recorded = Recorded::<S::Event>::decode(event.clone()).map_err(ConsumeError::poison)?;
    let happened = HappenedEvent::of(event).map_err(ConsumeError::poison)?;
    let told = S::correlate(&recorded).into_iter().map(|one| {
        let (begins, event) = (one.begins, happened.clone());
        (one.instance, SagaEvent::Told { begins, event })
    });
    Ok(told.collect())
}
