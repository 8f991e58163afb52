//! What a customer is told about an order; its stream has the order's number.

use std::convert::Infallible;

use annals::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "notification")]
pub(crate) enum NotificationEvent {
    Sent { text: String },
}

#[derive(Aggregate, Default)]
#[aggregate(category = "notification", id = String, event = NotificationEvent, error = Infallible)]
pub(crate) struct Notification;

impl Apply for Notification {
    fn apply(&mut self, _: &NotificationEvent) {}
}

/// Tells the customer something.
#[derive(Command, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[command(aggregate = Notification)]
pub(crate) struct Notify {
    pub(crate) text: String,
}

impl Decide<Notify> for Notification {
    fn decide(
        &self,
        command: &Notify,
        _: &DecisionContext,
    ) -> Result<Vec<NotificationEvent>, Infallible> {
        Ok(vec![NotificationEvent::Sent { text: command.text.clone() }])
    }
}
