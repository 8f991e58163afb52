//! A source of messages as the engine sees it.

use std::sync::Arc;

use annals_consumers::{ConsumeError, Inflow, Inlet, PartitionRecord};
use annals_core::{EventType, RecordedEvent};
use async_trait::async_trait;

use crate::message::Message;
use crate::reading::Reading;
use crate::source::{Part, Receiver, Source};

/// Messages of a broker as events of a consumer: where they come from, and how they are read. The same
/// projections, handlers and subscribers run on them as on the log, and what a message does is written in
/// one transaction with the note that it was done.
///
/// Every consumer is a group of its own at the broker, named `<service>.<consumer>`: two services that were
/// in one group would share its messages, and each would lack the other's.
#[derive(Clone)]
pub struct Inbound {
    service: Arc<str>,
    source: Arc<dyn Source>,
    reading: Reading,
    partitions: u32,
}

impl Inbound {
    /// CloudEvents from a source, received by a service with this name.
    pub fn new(service: &str, source: impl Source) -> Self {
        Self::on(service, Arc::new(source))
    }

    /// The same from a source that is shared.
    pub fn on(service: &str, source: Arc<dyn Source>) -> Self {
        Self { service: service.into(), source, reading: Reading::default(), partitions: 1 }
    }

    /// Reads messages otherwise.
    #[must_use]
    pub fn reading(self, reading: Reading) -> Self {
        Self { reading, ..self }
    }

    /// Cuts consumers into so many partitions, each of which receives a part of the source's lanes, where
    /// what they keep belongs to one id: see [`Source`]. Default 1.
    #[must_use]
    pub fn partitions(self, partitions: u32) -> Self {
        Self { partitions, ..self }
    }

    /// Into how many partitions consumers are cut.
    pub fn parts(&self) -> u32 {
        self.partitions
    }

    /// What the engine receives from, for a consumer of events of these types; of all when there are none.
    pub fn inflow(&self, types: Vec<EventType>) -> Arc<dyn Inflow> {
        let reading = self.reading.clone();
        self.inflow_by(move |message, origin| reading.event(message, origin, &types))
    }

    /// What the engine receives from, where messages become events by other means.
    pub(crate) fn inflow_by(
        &self,
        event: impl Fn(&Message, &str) -> RecordedEvent + Send + Sync + 'static,
    ) -> Arc<dyn Inflow> {
        let (service, source) = (self.service.clone(), self.source.clone());
        Arc::new(Grouped { service, source, event: Arc::new(event) })
    }
}

/// The event that a message stands for, which came from a place with this name.
type Becomes = dyn Fn(&Message, &str) -> RecordedEvent + Send + Sync;

struct Grouped {
    service: Arc<str>,
    source: Arc<dyn Source>,
    event: Arc<Becomes>,
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
        partition: &PartitionRecord,
        parts: u32,
    ) -> Result<Box<dyn Inlet>, ConsumeError> {
        // A new generation begins with what is still there.
        let group = match partition.generation {
            0 | 1 => format!("{}.{}", self.service, partition.consumer),
            generation => format!("{}.{}-{generation}", self.service, partition.consumer),
        };
        let part = Part { index: partition.part, of: parts };
        let opened = self.source.open(&group, part).await;
        let receiver = opened
            .map_err(|error| error.consequence(self.source.broker(), self.source.origin()))?;
        Ok(Box::new(Reader { receiver, source: self.source.clone(), event: self.event.clone() }))
    }
}

struct Reader {
    receiver: Box<dyn Receiver>,
    source: Arc<dyn Source>,
    event: Arc<Becomes>,
}

#[async_trait]
impl Inlet for Reader {
    async fn receive(&mut self, limit: usize) -> Result<Vec<(u64, RecordedEvent)>, ConsumeError> {
        let (broker, origin) = (self.source.broker(), self.source.origin());
        let received = self.receiver.receive(limit).await;
        let received = received.map_err(|error| error.consequence(broker, origin))?;
        let events = received.into_iter().map(|received| {
            let event = (self.event)(&received.message, origin);
            (received.number, event)
        });
        Ok(events.collect())
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), ConsumeError> {
        let told = self.receiver.acknowledge(number).await;
        told.map_err(|error| error.consequence(self.source.broker(), self.source.origin()))
    }
}
