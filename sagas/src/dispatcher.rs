//! The consumer that executes what instances send.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_consumers::{AtOnce, ConsumeError, Deliver};
use annals_core::{Journal, Metadata, NewEvent, Origin, Recorded, RecordedEvent, StreamId};
use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::append_once::append_once;
use crate::commands::{Commands, Once};
use crate::decision::Errand;
use crate::event::{Reply, SagaEvent, said};

/// How many commands of one instance are taken at once.
const AT_ONCE: usize = 256;

/// How many of them are executed side by side.
const SIDE_BY_SIDE: usize = 16;

pub(crate) struct Dispatcher {
    pub(crate) saga: &'static str,
    pub(crate) journal: Journal,
    pub(crate) commands: Arc<Commands>,
}

/// A command that an instance has sent.
struct Sent {
    event: RecordedEvent,
    number: u64,
    errand: Errand,
}

#[async_trait]
impl Deliver for Dispatcher {
    /// A command is executed when the reply to the one before it stands in the log, unless it was sent beside
    /// that: those are executed side by side, and their replies are one append.
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        let mut together = Vec::new();
        for event in events {
            let recorded = Recorded::<SagaEvent>::decode(event.clone());
            let SagaEvent::Sent { number, errand } = recorded.map_err(ConsumeError::poison)?.data
            else {
                continue;
            };
            if self.commands.is_elsewhere(&errand.category, &errand.command) {
                continue;
            }
            if !errand.beside {
                self.execute_all(std::mem::take(&mut together)).await?;
            }
            together.push(Sent { event: event.clone(), number, errand });
        }
        self.execute_all(together).await
    }

    fn at_once(&self) -> AtOnce {
        AtOnce { events: AT_ONCE, ..AtOnce::ONE }
    }

    /// Commands are known by their ids, and so are replies.
    fn repeats(&self) -> bool {
        true
    }
}

impl Dispatcher {
    /// Executes commands of one instance: those for one aggregate in the order in which they were sent, those
    /// for several side by side.
    async fn execute_all(&self, sent: Vec<Sent>) -> Result<(), ConsumeError> {
        let mut by_aggregate: BTreeMap<(String, String), Vec<Sent>> = BTreeMap::new();
        for sent in sent {
            let aggregate = (sent.errand.category.clone(), sent.errand.id.clone());
            by_aggregate.entry(aggregate).or_default().push(sent);
        }
        let executed = by_aggregate.into_values().map(|sent| self.execute(sent));
        let executing = stream::iter(executed).buffer_unordered(SIDE_BY_SIDE);
        let mut replies: Vec<(RecordedEvent, u64, Reply)> = executing.try_concat().await?;
        replies.sort_by_key(|(_, number, _)| *number);
        let Some((first, ..)) = replies.first() else { return Ok(()) };
        let stream = StreamId::new(&said(self.saga), first.stream.id());
        let stream = stream.map_err(ConsumeError::poison)?;
        let mut said = Vec::with_capacity(replies.len());
        for (event, number, reply) in replies {
            let replied = NewEvent::of(&SagaEvent::Replied { number, reply });
            let replied = replied.map_err(ConsumeError::poison)?;
            said.push((replied.with_metadata(Metadata::caused_by(&event)), event.id));
        }
        append_once(&self.journal, &stream, said, "reply").await
    }

    /// Executes commands for one aggregate.
    async fn execute(
        &self,
        sent: Vec<Sent>,
    ) -> Result<Vec<(RecordedEvent, u64, Reply)>, ConsumeError> {
        let mut replies = Vec::with_capacity(sent.len());
        for Sent { event, number, errand } in sent {
            let once = Once { key: event.id.to_string(), origin: Origin::caused_by(&event) };
            let reply = self.commands.execute(&self.journal, &errand, once).await?;
            replies.push((event, number, reply));
        }
        Ok(replies)
    }
}
