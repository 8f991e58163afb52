//! Executes commands of sagas that run elsewhere.

use std::sync::Arc;

use annals_consumers::{ConsumeError, Deliver, SubscriberDefinition};
use annals_core::{EventType, Journal, Metadata, NewEvent, Origin, Recorded, RecordedEvent};
use async_trait::async_trait;

use super::{CommandEvent, Inward, consumer};
use crate::append_once::append_once;
use crate::commands::{Commands, Once};

/// The consumer, of this name, that executes commands which come as messages; each once, by the message's id.
/// What became of each, a refusal too, is appended to the log as [`CommandEvent::Answered`], which a route
/// sends back.
pub fn executing(
    name: &str,
    commands: Commands,
    journal: &Journal,
    inward: &Inward<'_>,
) -> SubscriberDefinition {
    let types = vec![EventType::from_static("annals.command.sent")];
    let executing = Executing { journal: journal.clone(), commands };
    consumer((name.to_owned(), "executor"), types, inward, Arc::new(executing))
}

struct Executing {
    journal: Journal,
    commands: Commands,
}

#[async_trait]
impl Deliver for Executing {
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        for event in events {
            self.execute(event).await?;
        }
        Ok(())
    }

    /// What it appends has an id that is made of the message's.
    fn repeats(&self) -> bool {
        true
    }
}

impl Executing {
    async fn execute(&self, event: &RecordedEvent) -> Result<(), ConsumeError> {
        let recorded = Recorded::<CommandEvent>::decode(event.clone());
        let CommandEvent::Sent { saga, instance, number, errand } =
            recorded.map_err(ConsumeError::poison)?.data
        else {
            return Ok(());
        };
        let once = Once { key: event.id.to_string(), origin: Origin::caused_by(event) };
        let reply = self.commands.execute(&self.journal, &errand, once).await?;
        let stream = CommandEvent::stream_of_answers(&saga, &instance);
        let stream = stream.map_err(ConsumeError::poison)?;
        let answered = CommandEvent::Answered { saga, instance, number, reply };
        let answered = NewEvent::of(&answered).map_err(ConsumeError::poison)?;
        let answered = answered.with_metadata(Metadata::caused_by(event));
        append_once(&self.journal, &stream, vec![(answered, event.id)], "answer").await
    }
}
