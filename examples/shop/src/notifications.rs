//! The customer is told how an order has ended. Nobody orders that: it is a reaction to what has happened.

use annals::prelude::*;
use annals::{ConsumeError, ErrorKind, Journal, Subscriber, async_trait};

use crate::domain::{Notify, OrderEvent};

pub(crate) struct Notifications {
    pub(crate) journal: Journal,
}

#[async_trait]
impl Subscriber for Notifications {
    type Event = OrderEvent;
    const NAME: &'static str = "notifications";
    const PARTITIONS: u32 = 1;

    async fn handle(&self, event: &Recorded<OrderEvent>) -> Result<(), ConsumeError> {
        let order = event.stream.id().to_owned();
        let text = match &event.data {
            OrderEvent::Confirmed { .. } => format!("your order {order} is on its way"),
            OrderEvent::Rejected { detail, .. } => format!("we are sorry for {order}: {detail}"),
            OrderEvent::Placed { .. } | OrderEvent::Credited { .. } => return Ok(()),
        };
        // The event may come again, and tells the customer once.
        let notify = self.journal.execute(&order, Notify { text }).origin(Origin::caused_by(event));
        match notify.idempotency_key(event.id.to_string()).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Refused => Err(ConsumeError::poison(error)),
            Err(error) => Err(ConsumeError::blocked("the store", error)),
        }
    }
}
