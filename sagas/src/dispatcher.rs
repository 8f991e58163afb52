//! The consumer that executes what instances send.

use std::sync::Arc;

use annals_consumers::{ConsumeError, Deliver};
use annals_core::{Journal, Metadata, NewEvent, Origin, Recorded, RecordedEvent, StreamId};
use async_trait::async_trait;

use crate::append_once::append_once;
use crate::commands::{Commands, Once};
use crate::event::{SagaEvent, said};

pub(crate) struct Dispatcher {
    pub(crate) saga: &'static str,
    pub(crate) journal: Journal,
    pub(crate) commands: Arc<Commands>,
}

#[async_trait]
impl Deliver for Dispatcher {
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        for event in events {
            self.execute(event).await?;
        }
        Ok(())
    }
}

impl Dispatcher {
    async fn execute(&self, event: &RecordedEvent) -> Result<(), ConsumeError> {
        let recorded =
            Recorded::<SagaEvent>::decode(event.clone()).map_err(ConsumeError::poison)?;
        let SagaEvent::Sent { number, errand } = recorded.data else { return Ok(()) };
        if self.commands.is_elsewhere(&errand.category, &errand.command) {
            return Ok(());
        }
        let once = Once { key: event.id.to_string(), origin: Origin::caused_by(event) };
        let reply = self.commands.execute(&self.journal, &errand, once).await?;
        let replied = NewEvent::of(&SagaEvent::Replied { number, reply })
            .map_err(ConsumeError::poison)?
            .with_metadata(Metadata::caused_by(event));
        let stream = StreamId::new(&said(self.saga), event.stream.id());
        let stream = stream.map_err(ConsumeError::poison)?;
        append_once(&self.journal, (stream, replied), (event.id, "reply")).await
    }
}
