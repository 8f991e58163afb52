//! Sagas over several services: what happens elsewhere is told to instances here, and commands travel to those
//! who execute them, by the routes and sources of the outbox.
//!
//! ```text
//! saga's service                                      another service
//! annals.saga.sent ── route ── annals.command.sent ──► Executing ── its aggregates
//!       ▲                                                   │
//! annals.saga.replied ◄── Hearing ◄── annals.command.answered (its log, and a route)
//! ```

mod command_event;
mod executing;
mod hearing;

use std::sync::Arc;

use annals_consumers::{
    ConsumeError, Consumer, Deliver, Handler, Inflow, KeyBy, OnFailure, PartitionRecord,
    Registering, Start, SubscriberDefinition, Target,
};
use annals_core::store::{Append, LogFilter};
use annals_core::{
    EventId, EventType, ExpectedVersion, Journal, JournalError, NewEvent, RegisterError, SLICES,
    StreamId,
};
use async_trait::async_trait;
use uuid::Uuid;

use crate::event::SagaEvent;
pub use command_event::CommandEvent;
pub use executing::executing;
pub use hearing::hearing;

/// Messages from elsewhere: where they come from, for events of the types that are wanted, and into how many
/// partitions whoever receives them is cut.
pub struct Inward<'i> {
    /// Makes the source.
    pub inflow: &'i dyn Fn(Vec<EventType>) -> Arc<dyn Inflow>,
    /// The partitions.
    pub parts: u32,
}

/// A consumer of messages that makes appends of them.
fn consumer(
    (name, kind): (String, &'static str),
    types: Vec<EventType>,
    inward: &Inward<'_>,
    target: Arc<dyn Deliver>,
) -> SubscriberDefinition {
    let inflow = (inward.inflow)(types.clone());
    let consumer = Consumer {
        name: name.into(),
        kind,
        version: 1,
        filter: LogFilter { event_types: types, ..LogFilter::default() },
        key: KeyBy::Stream,
        concerns: None,
        on_failure: OnFailure::Park,
        most_partitions: u32::from(SLICES),
        inline: false,
        inflow: None,
        late_after: None,
        handler: Arc::new(Opens(target)),
    };
    let definition = SubscriberDefinition::new(consumer, (Start::Now, inward.parts), register);
    definition.receiving(inflow, inward.parts)
}

fn register(journal: &Journal) -> Registering<'_> {
    Box::pin(async move {
        journal.register::<SagaEvent>().await?;
        let registered: Result<(), RegisterError> = journal.register::<CommandEvent>().await;
        registered
    })
}

struct Opens(Arc<dyn Deliver>);

#[async_trait]
impl Handler for Opens {
    async fn open(&self, _: &PartitionRecord) -> Result<Target, ConsumeError> {
        Ok(Target::External(self.0.clone()))
    }
}

/// Appends what was made of a message, with an id that is made of the message's: however often the message
/// comes, it stands there once.
async fn append_once(
    journal: &Journal,
    (stream, event): (StreamId, NewEvent),
    made_of: (EventId, &str),
) -> Result<(), ConsumeError> {
    let (message, what) = made_of;
    let id = EventId::new(Uuid::new_v5(&message.get(), what.as_bytes()));
    let append = Append::to(stream, ExpectedVersion::Any, vec![event.with_id(id)]);
    match journal.append(append).await {
        Ok(_) => Ok(()),
        Err(JournalError::Store(error)) => Err(error.into()),
        Err(error) => Err(ConsumeError::poison(error)),
    }
}
