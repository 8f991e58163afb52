//! A source of messages as the engine sees it.

use std::sync::Arc;

use annals_consumers::Inflow;
use annals_core::store::StoreError;
use annals_core::{EventType, RecordedEvent};

use crate::grouped::{Becomes, Grouped};
use crate::history::History;
use crate::message::Message;
use crate::reading::Reading;
use crate::source::Source;

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
    history: Option<Arc<dyn History>>,
}

impl Inbound {
    /// CloudEvents from a source, received by a service with this name.
    pub fn new(service: &str, source: impl Source) -> Self {
        Self::on(service, Arc::new(source))
    }

    /// The same from a source that is shared.
    pub fn on(service: &str, source: Arc<dyn Source>) -> Self {
        let (service, reading) = (service.into(), Reading::default());
        Self { service, source, reading, partitions: 1, history: None }
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

    /// Lets every consumer that is new begin with all that was ever told, and not with what the broker still
    /// keeps: first its group is made at the broker, then history is taken in to its end, and then what the
    /// broker has. What comes from both is absorbed by the inbox. A consumer that is stopped before goes on where
    /// it was; one whose `VERSION` is raised begins anew. While history cannot be read the consumer waits, and
    /// says on what.
    ///
    /// The broker has to keep messages for as long as that takes. Consumers are in one partition: history has no
    /// lanes. Requests have no history, and [responders](crate::responder) leave it alone.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use annals_core::{Event, MemoryStore, Recorded};
    /// use annals_outbox::{Address, Inbound, MemoryBroker, PublicLog, Route};
    ///
    /// # #[derive(Event)]
    /// # #[event(prefix = "order", crate = annals_core)]
    /// # enum OrderEvent { Placed { cents: i64 } }
    /// # #[derive(Event)]
    /// # #[event(prefix = "shop.order", crate = annals_core)]
    /// # enum OrderFact { Placed { cents: i64 } }
    /// struct Orders;
    ///
    /// impl Route for Orders {
    ///     // As it is sent by its owner.
    /// #   type Event = OrderEvent;
    /// #   type Public = OrderFact;
    /// #   const NAME: &'static str = "orders-out";
    /// #   fn source(&self) -> String { "/shop/orders".to_owned() }
    /// #   fn places(&self) -> Vec<Address> { vec![Address::new("orders")] }
    /// #   fn publish(&self, event: &Recorded<OrderEvent>) -> Vec<OrderFact> {
    /// #       let OrderEvent::Placed { cents } = event.data;
    /// #       vec![OrderFact::Placed { cents }]
    /// #   }
    /// }
    ///
    /// # let (broker, store) = (MemoryBroker::default(), MemoryStore::default());
    /// // In another process it is an `annals::http::HttpHistory`.
    /// let history = PublicLog::new(Orders, Arc::new(store));
    /// let orders = Inbound::new("taxes", broker.source(["orders"])).history(Arc::new(history));
    /// # assert!(orders.check().is_ok());
    /// ```
    #[must_use]
    pub fn history(self, history: Arc<dyn History>) -> Self {
        Self { history: Some(history), ..self }
    }

    /// Makes sure that consumers can run on it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when they are to begin with history and are cut into several partitions.
    pub fn check(&self) -> Result<(), StoreError> {
        match &self.history {
            Some(history) if self.partitions > 1 => {
                Err(StoreError::Invalid { why: in_parts(history.origin(), self.partitions) })
            }
            _ => Ok(()),
        }
    }

    /// Into how many partitions consumers are cut.
    pub fn parts(&self) -> u32 {
        self.partitions
    }

    /// What the engine receives from, for a consumer of events of these types; of all when there are none.
    pub fn inflow(&self, types: Vec<EventType>) -> Arc<dyn Inflow> {
        let reading = self.reading.clone();
        let event = move |message: &Message, origin: &str| reading.event(message, origin, &types);
        self.grouped(self.history.clone(), Arc::new(event))
    }

    /// What the engine receives from, where messages become events by other means.
    pub(crate) fn inflow_by(
        &self,
        event: impl Fn(&Message, &str) -> RecordedEvent + Send + Sync + 'static,
    ) -> Arc<dyn Inflow> {
        self.grouped(None, Arc::new(event))
    }

    fn grouped(&self, history: Option<Arc<dyn History>>, event: Arc<Becomes>) -> Arc<dyn Inflow> {
        let (service, source) = (self.service.clone(), self.source.clone());
        Arc::new(Grouped { service, source, history, event })
    }
}

pub(crate) fn in_parts(origin: &str, parts: u32) -> String {
    format!(
        "a consumer that begins with the history of {origin} is in one partition, and this one is cut into \
         {parts}: history has no lanes that could be shared out; leave `partitions` or `history` of its \
         `Inbound` away"
    )
}
