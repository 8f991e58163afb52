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
use annals_core::store::LogFilter;
use annals_core::{EventType, Journal, RegisterError, SLICES};
use async_trait::async_trait;

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
