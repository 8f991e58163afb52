//! Which events leave, as what, and whereto.

use annals_consumers::{KeyBy, OnFailure, Start};
use annals_core::{Event, Recorded};

use crate::address::Address;
use crate::envelope::Envelope;

/// Says which events leave the store, as which public events, for which place of a broker. Nothing leaves
/// that no route sends.
///
/// Private events change with the program; public events are a contract with others, with names, versions
/// and schemas of their own. An event becomes one of them, several, or none.
///
/// A route is a consumer of its own: it is seen, paused and steered like every other, and what keeps it
/// waiting keeps no other waiting. What it has sent it does not send again when its [`VERSION`](Self::VERSION)
/// grows; a route with another name begins anew.
///
/// ```
/// use annals_core::{Event, Recorded};
/// use annals_outbox::{Address, Route};
///
/// # #[derive(Event)]
/// # #[event(prefix = "order", crate = annals_core)]
/// # enum OrderEvent { Placed { customer: String, cents: i64 }, Noted { note: String } }
/// /// What other services are told.
/// #[derive(Event)]
/// #[event(prefix = "shop.order", crate = annals_core)]
/// enum OrderFact {
///     Placed { order: String, cents: i64 },
/// }
///
/// struct Orders;
///
/// impl Route for Orders {
///     type Event = OrderEvent;
///     type Public = OrderFact;
///     const NAME: &'static str = "orders-out";
///
///     fn source(&self) -> String {
///         "/shop/orders".to_owned()
///     }
///
///     fn places(&self) -> Vec<Address> {
///         vec![Address::new("orders")]
///     }
///
///     fn publish(&self, event: &Recorded<OrderEvent>) -> Vec<OrderFact> {
///         match &event.data {
///             OrderEvent::Placed { cents, .. } => {
///                 let order = event.stream.id().to_owned();
///                 vec![OrderFact::Placed { order, cents: *cents }]
///             }
///             // Nobody else's business.
///             OrderEvent::Noted { .. } => vec![],
///         }
///     }
/// }
/// ```
pub trait Route: Send + Sync + 'static {
    /// The events it looks at.
    type Event: Event;

    /// What it makes of them.
    type Public: Event;

    /// A stable name. At most 40 characters. Messages carry it, so that whoever receives them can tell
    /// repetitions per route.
    const NAME: &'static str;

    /// Raise it when programs of the version before must not go on beside this one.
    const VERSION: u32 = 1;

    /// Into how many partitions it is cut at first. More can be worked on by more processes.
    const PARTITIONS: u32 = 4;

    /// What becomes of an event whose messages cannot be sent for a reason of their own.
    const ON_FAILURE: OnFailure = OnFailure::Park;

    /// By what messages are kept in order, which also is their key.
    const KEY: KeyBy = KeyBy::Stream;

    /// In what form the messages travel.
    const ENVELOPE: Envelope = Envelope::CloudEvents;

    /// The name of this service to others, as a URI reference such as `/shop/orders`.
    fn source(&self) -> String;

    /// Where it begins when it is started for the first time.
    fn start(&self) -> Start {
        Start::Beginning
    }

    /// The categories it looks at; all when there are none.
    fn categories(&self) -> Vec<String> {
        Vec::new()
    }

    /// Every place that it sends messages to.
    fn places(&self) -> Vec<Address>;

    /// Where a public event goes. The only one of [`places`](Self::places), unless this says otherwise.
    fn place(&self, _event: &Recorded<Self::Event>, _public: &Self::Public) -> Option<Address> {
        self.places().into_iter().next()
    }

    /// What others are told of an event, in this order. It follows from the event alone: when it is sent
    /// again, it must be the same.
    fn publish(&self, event: &Recorded<Self::Event>) -> Vec<Self::Public>;
}
