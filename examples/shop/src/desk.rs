//! Where orders and credit notes are handed in, and where customers wait for what becomes of them.
//!
//! Nobody here knows the way of an order: it is placed, the sagas do the rest, and its own events say how it has
//! ended. All who wait share one subscription.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals::prelude::*;
use annals::store::LogFilter;
use annals::{Annals, Subscription};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::Failure;
use crate::domain::{
    CreditNote, NotificationEvent, Order, OrderEvent, Payment, PaymentEvent, PlaceOrder, Rejection,
    Status,
};

/// How long somebody waits for the end of an order at the most: one of 600 lines on a busy machine takes minutes.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, Clone)]
pub(crate) struct Purchase {
    pub(crate) id: String,
    pub(crate) order: PlaceOrder,
}

#[derive(Debug, Clone)]
pub(crate) struct Return {
    pub(crate) id: String,
    pub(crate) note: CreditNote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Confirmed,
    Rejected(Rejection),
    Credited,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    /// Whether all of it had happened before.
    pub(crate) repeated: bool,
}

/// What the desk listens to.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(transparent)]
enum Heard {
    Order(OrderEvent),
    Payment(PaymentEvent),
    Notification(NotificationEvent),
}

pub(crate) struct Desk {
    annals: Annals,
    ears: Arc<Ears>,
    listening: JoinHandle<()>,
}

/// Who waits for what.
struct Ears {
    /// By the stream whose event says the end.
    waiting: Mutex<HashMap<String, oneshot::Sender<Outcome>>>,
    /// Orders whose customers do not know their end yet.
    untold: watch::Sender<HashSet<String>>,
}

impl Desk {
    /// Listens from now on.
    pub(crate) async fn open(annals: &Annals) -> Result<Self, Failure> {
        let types = ["order.confirmed", "order.rejected", "payment.refunded", "notification.sent"];
        let event_types = types.map(annals::EventType::from_static).to_vec();
        let filter = LogFilter { event_types, ..LogFilter::default() };
        let heard = annals.subscribe(filter, annals.log().head().await?);
        let ears = Arc::new(Ears { waiting: Mutex::default(), untold: watch::Sender::default() });
        let listening = tokio::spawn(listen(ears.clone(), heard));
        Ok(Self { annals: annals.clone(), ears, listening })
    }

    /// Places an order and waits for its end. An order that comes again is placed once.
    pub(crate) async fn check_out(&self, purchase: &Purchase) -> Result<Done, Failure> {
        let id = &purchase.id;
        let end = self.ears.wait_for(format!("order-{id}"));
        let place = self.annals.execute(id, purchase.order.clone());
        let placed = place.idempotency_key(format!("{id}/place")).origin(origin(id)).await?;
        if placed.repeated {
            let outcome = match self.annals.load::<Order>(id).await?.state.status {
                Status::Confirmed => Some(Outcome::Confirmed),
                Status::Rejected(reason) => Some(Outcome::Rejected(reason)),
                Status::Unknown | Status::Placed | Status::Credited => None,
            };
            if let Some(outcome) = outcome {
                return Ok(Done { outcome, repeated: true });
            }
        }
        Ok(Done { outcome: heard(id, end).await?, repeated: false })
    }

    /// Hands a credit note in and waits until the money is refunded.
    pub(crate) async fn take_back(&self, back: &Return) -> Result<Done, Failure> {
        let id = &back.id;
        let end = self.ears.wait_for(format!("payment-{id}"));
        let credit = self.annals.execute(id, back.note.clone());
        let credited = credit.idempotency_key(format!("{id}/credit")).origin(origin(id)).await?;
        if credited.repeated && self.annals.load::<Payment>(id).await?.state.refunded {
            return Ok(Done { outcome: Outcome::Credited, repeated: true });
        }
        Ok(Done { outcome: heard(id, end).await?, repeated: false })
    }

    /// Waits until every customer has been told whose order has ended since the desk was opened.
    pub(crate) async fn all_are_told(&self) -> Result<(), Failure> {
        let mut untold = self.ears.untold.subscribe();
        let told = tokio::time::timeout(PATIENCE, untold.wait_for(HashSet::is_empty)).await;
        told.map_err(|_| format!("not every customer was notified within {PATIENCE:?}"))??;
        Ok(())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Ears {
    /// To be asked for before what leads to the end, so that the end is not missed.
    fn wait_for(&self, stream: String) -> oneshot::Receiver<Outcome> {
        let (tell, end) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(stream, tell);
        end
    }

    fn hear(&self, event: &Recorded<Heard>) {
        let order = event.stream.id();
        let outcome = match &event.data {
            Heard::Order(OrderEvent::Confirmed { .. }) => Outcome::Confirmed,
            Heard::Order(OrderEvent::Rejected { reason, .. }) => Outcome::Rejected(*reason),
            Heard::Payment(_) => Outcome::Credited,
            Heard::Notification(_) => {
                self.untold.send_if_modified(|untold| untold.remove(order));
                return;
            }
            Heard::Order(_) => return,
        };
        if outcome != Outcome::Credited {
            self.untold.send_if_modified(|untold| untold.insert(order.to_owned()));
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tell) = waiting.remove(event.stream.as_str()) {
            // Whoever has waited may have gone away.
            let _ = tell.send(outcome);
        }
    }
}

/// Listens until the store fails; all who wait are told by their channels then.
async fn listen(ears: Arc<Ears>, mut heard: Subscription) {
    loop {
        let page = match heard.next().await {
            Ok(page) => page,
            Err(error) => {
                eprintln!("the desk hears nothing any more: {error}");
                ears.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
                return;
            }
        };
        for event in page.events {
            match Recorded::<Heard>::decode(event) {
                Ok(event) => ears.hear(&event),
                Err(error) => eprintln!("the desk cannot read an event: {error}"),
            }
        }
    }
}

async fn heard(id: &str, end: oneshot::Receiver<Outcome>) -> Result<Outcome, Failure> {
    let ended = tokio::time::timeout(PATIENCE, end).await;
    let ended = ended.map_err(|_| {
        format!("{id} has not ended within {PATIENCE:?}: its flow stands in the stream saga.checkout-{id}")
    })?;
    Ok(ended.map_err(|_| format!("nobody heard how {id} has ended"))?)
}

/// All events of one order share its number as their correlation.
fn origin(id: &str) -> annals::Origin {
    annals::Origin::default().correlation(id)
}
