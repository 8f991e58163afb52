//! The owner's side: what a route has made of the log.

use std::fmt;
use std::sync::Arc;

use annals_consumers::{ConsumeError, OnFailure};
use annals_core::store::{EventLog, LogFilter, LogQuery};
use annals_core::{Position, RecordedEvent};
use async_trait::async_trait;

use super::{History, HistoryError, HistoryPage};
use crate::address::Address;
use crate::envelope::Envelope;
use crate::outgoing::Outgoing;
use crate::publication::Publication;
use crate::route::Route;

/// How large a page is at the most, in bytes, beside what its last event became.
const PAGE_BYTES: usize = 8 << 20;

/// All that a route has ever told and will tell, read from the log: for others who begin to listen. What it tells
/// is what the relay sends, with the same ids, subjects and stream versions, as CloudEvents in the structured
/// mode.
///
/// An event that the route cannot tell is one whose messages the relay parks. Whoever reads history waits at it,
/// and is told why, unless the route [skips](OnFailure::Skip) such events.
///
/// The relay's messages must be CloudEvents, too, so that whoever receives both knows them again:
///
/// ```compile_fail
/// # use std::sync::Arc;
/// # use annals_core::{Event, MemoryStore, Recorded};
/// # use annals_outbox::{Address, Envelope, PublicLog, Route};
/// # #[derive(Event)]
/// # #[event(prefix = "order", crate = annals_core)]
/// # enum OrderEvent { Placed { cents: i64 } }
/// struct Plainly;
///
/// impl Route for Plainly {
///     // As in every other route, and
///     const ENVELOPE: Envelope = Envelope::Plain;
/// #   type Event = OrderEvent;
/// #   type Public = OrderEvent;
/// #   const NAME: &'static str = "orders-out";
/// #   fn source(&self) -> String { "/shop".to_owned() }
/// #   fn places(&self) -> Vec<Address> { vec![Address::new("orders")] }
/// #   fn publish(&self, _: &Recorded<OrderEvent>) -> Vec<OrderEvent> { vec![] }
/// }
///
/// # fn main() {
/// PublicLog::new(Plainly, Arc::new(MemoryStore::default()));
/// # }
/// ```
#[derive(Clone)]
pub struct PublicLog {
    log: Arc<dyn EventLog>,
    filter: LogFilter,
    origin: Arc<str>,
    skips: bool,
    /// Only what goes to these places; to all when there are none.
    places: Vec<Address>,
    tells: Arc<Tells>,
}

type Tells = dyn Fn(&RecordedEvent) -> Result<Vec<(Address, Outgoing)>, ConsumeError> + Send + Sync;

impl fmt::Debug for PublicLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicLog").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl PublicLog {
    /// What a route tells of a log.
    pub fn new<R: Route>(route: R, log: Arc<dyn EventLog>) -> Self {
        const {
            assert!(
                matches!(R::ENVELOPE, Envelope::CloudEvents | Envelope::CloudEventsBinary),
                "history is told as CloudEvents: a receiver knows messages in other envelopes by other \
                 means, and would take them in twice"
            );
        }
        let publication = Publication::new(route);
        Self {
            log,
            filter: publication.filter(),
            origin: format!("{} (route `{}`)", publication.source(), R::NAME).into(),
            skips: R::ON_FAILURE == OnFailure::Skip,
            places: Vec::new(),
            tells: Arc::new(move |event| publication.of(event)),
        }
    }

    /// Only what goes to these places: where those who listen receive some of the route's messages only.
    #[must_use]
    pub fn to(self, places: impl IntoIterator<Item = Address>) -> Self {
        Self { places: places.into_iter().collect(), ..self }
    }

    fn tell(&self, event: &RecordedEvent) -> Result<Vec<Outgoing>, HistoryError> {
        let told = match (self.tells)(event) {
            Ok(told) => told,
            Err(_) if self.skips => return Ok(Vec::new()),
            Err(error) => {
                let RecordedEvent { position, stream, version, .. } = event;
                let why = format!(
                    "what is to be told of the event at position {position} (`{stream}`, version {version}) \
                     cannot be: {error}; put the route right, where its owner runs it"
                );
                return Err(HistoryError::Refused { why });
            }
        };
        let wanted =
            told.into_iter().filter(|(to, _)| self.places.is_empty() || self.places.contains(to));
        Ok(wanted.map(|(_, outgoing)| outgoing).collect())
    }
}

#[async_trait]
impl History for PublicLog {
    fn origin(&self) -> &str {
        &self.origin
    }

    async fn page(&self, after: Position, limit: usize) -> Result<HistoryPage, HistoryError> {
        let query = LogQuery::after(after).filter(self.filter.clone());
        let query = query.limit(limit.max(1)).bytes(PAGE_BYTES);
        let read = self.log.read_log(&query).await.map_err(HistoryError::down)?;
        if read.head < after {
            return Err(HistoryError::Beyond { after, head: read.head });
        }
        let (mut messages, mut bytes) = (Vec::new(), 0);
        for (number, event) in (1..).zip(&read.events) {
            let told = match self.tell(event) {
                Ok(told) => told,
                // What comes before it can be had.
                Err(_) if number > 1 => {
                    let next = Position::new(event.position.get() - 1);
                    return Ok(HistoryPage { messages, next, at_end: false });
                }
                Err(error) => return Err(error),
            };
            for outgoing in told {
                let message = Envelope::CloudEvents.seal(outgoing);
                bytes += message.bytes();
                messages.push((event.position, message));
            }
            if bytes >= PAGE_BYTES && number < read.events.len() {
                return Ok(HistoryPage { messages, next: event.position, at_end: false });
            }
        }
        let next = read.next.max(after);
        Ok(HistoryPage { messages, next, at_end: next >= read.head })
    }
}
