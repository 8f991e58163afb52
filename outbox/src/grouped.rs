//! The messages of a group as the engine takes them in: history first, where there is one, and then what the
//! broker has.

use std::sync::Arc;

use annals_consumers::{ConsumeError, Inflow, Inlet, PartitionRecord};
use annals_core::RecordedEvent;
use annals_core::store::Workspace;
use async_trait::async_trait;

use crate::history::{Beginning, History, Progress};
use crate::inbound::in_parts;
use crate::message::Message;
use crate::source::{Part, ReceiveError, Receiver, Source};

/// The event that a message stands for, which came from a place with this name.
pub(crate) type Becomes = dyn Fn(&Message, &str) -> RecordedEvent + Send + Sync;

/// Messages for the consumers of a service, each of which is a group.
pub(crate) struct Grouped {
    pub(crate) service: Arc<str>,
    pub(crate) source: Arc<dyn Source>,
    /// What a consumer that is new begins with.
    pub(crate) history: Option<Arc<dyn History>>,
    pub(crate) event: Arc<Becomes>,
}

impl Grouped {
    /// Where the history of a consumer goes on, if it has not come to its end.
    async fn beginning(
        &self,
        work: &Arc<dyn Workspace>,
        partition: &PartitionRecord,
        parts: u32,
    ) -> Result<Option<Beginning>, ConsumeError> {
        let Some(history) = &self.history else { return Ok(None) };
        let (progress, stands) = Progress::of(work, partition).await?;
        if stands.at_end {
            return Ok(None);
        }
        match parts {
            0 | 1 => Ok(Some(Beginning::new(history.clone(), progress, stands))),
            parts => Err(ConsumeError::stop(in_parts(history.origin(), parts))),
        }
    }
}

#[async_trait]
impl Inflow for Grouped {
    fn origin(&self) -> String {
        format!("`{}` on {}", self.source.origin(), self.source.broker())
    }

    fn ordered(&self) -> bool {
        self.source.ordered()
    }

    async fn open(
        &self,
        work: &Arc<dyn Workspace>,
        partition: &PartitionRecord,
        parts: u32,
    ) -> Result<Box<dyn Inlet>, ConsumeError> {
        // A new generation begins with what is still there.
        let group = match partition.generation {
            0 | 1 => format!("{}.{}", self.service, partition.consumer),
            generation => format!("{}.{}-{generation}", self.service, partition.consumer),
        };
        let beginning = self.beginning(work, partition, parts).await?;
        let part = Part { index: partition.part, of: parts };
        let group = Group { source: self.source.clone(), name: group, part };
        // Before anything is asked of history: the broker keeps for the group what it gets from now on, and
        // history tells what it got before.
        let opened = group.open().await?;
        let receiver = match &beginning {
            // Nothing is taken from it for a long time.
            Some(_) => None,
            None => Some(opened),
        };
        Ok(Box::new(Reader { group, receiver, beginning, before: 0, event: self.event.clone() }))
    }
}

/// A part of a group at a broker.
struct Group {
    source: Arc<dyn Source>,
    name: String,
    part: Part,
}

impl Group {
    async fn open(&self) -> Result<Box<dyn Receiver>, ConsumeError> {
        let opened = self.source.open(&self.name, self.part).await;
        opened.map_err(|error| self.consequence(error))
    }

    fn consequence(&self, error: ReceiveError) -> ConsumeError {
        error.consequence(self.source.broker(), self.source.origin())
    }
}

struct Reader {
    group: Group,
    /// Opened when history is handed out.
    receiver: Option<Box<dyn Receiver>>,
    /// History, until all of it has had its effect.
    beginning: Option<Beginning>,
    /// How many messages came from history: the receiver's numbers follow.
    before: u64,
    event: Arc<Becomes>,
}

#[async_trait]
impl Inlet for Reader {
    async fn receive(&mut self, limit: usize) -> Result<Vec<(u64, RecordedEvent)>, ConsumeError> {
        if let Some(beginning) = &mut self.beginning {
            let told = beginning.next(limit).await?;
            self.before = beginning.handed_out();
            if !told.is_empty() {
                let event =
                    |(number, message)| (number, (self.event)(&message, beginning.origin()));
                return Ok(told.into_iter().map(event).collect());
            }
        }
        let receiver = match &mut self.receiver {
            Some(receiver) => receiver,
            None => {
                let receiver = self.group.open().await?;
                self.receiver.insert(receiver)
            }
        };
        let received = receiver.receive(limit).await;
        let received = received.map_err(|error| self.group.consequence(error))?;
        let events = received.into_iter().map(|received| {
            let event = (self.event)(&received.message, self.group.source.origin());
            (self.before + received.number, event)
        });
        Ok(events.collect())
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), ConsumeError> {
        if let Some(beginning) = &mut self.beginning {
            beginning.acknowledge(number).await?;
            if beginning.is_done() {
                self.beginning = None;
            }
        }
        let own = number.checked_sub(self.before).filter(|own| *own > 0);
        let (Some(receiver), Some(own)) = (&mut self.receiver, own) else { return Ok(()) };
        let told = receiver.acknowledge(own).await;
        told.map_err(|error| self.group.consequence(error))
    }
}
