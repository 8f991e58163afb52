//! The payment of an order; its stream has the order's number. A credit note has one of its own.

use annals::Decimal;
use annals::prelude::*;
use serde::{Deserialize, Serialize};

use super::order::Pays;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "payment")]
pub(crate) enum PaymentEvent {
    Authorised { method: String, amount: Decimal },
    Refunded { amount: Decimal },
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum PaymentError {
    #[error("{amount} is over the limit of {limit}")]
    Declined { amount: Decimal, limit: Decimal },
    #[error("the payment is settled already")]
    Settled,
}

#[derive(Aggregate, Default)]
#[aggregate(category = "payment", id = String, event = PaymentEvent, error = PaymentError)]
pub(crate) struct Payment {
    charged: bool,
    pub(crate) refunded: bool,
}

impl Apply for Payment {
    fn apply(&mut self, event: &PaymentEvent) {
        match event {
            PaymentEvent::Authorised { .. } => self.charged = true,
            PaymentEvent::Refunded { .. } => self.refunded = true,
        }
    }
}

/// Charges what an order costs.
#[derive(Command, Serialize, Deserialize, Debug, Default, Clone, PartialEq)]
#[command(aggregate = Payment)]
pub(crate) struct Charge {
    pub(crate) method: String,
    pub(crate) amount: Decimal,
    /// What the bank allows, if anything limits it.
    pub(crate) limit: Option<Decimal>,
}

impl Pays {
    /// What charges an order.
    pub(crate) fn charge(&self, amount: Decimal) -> Charge {
        Charge { method: self.method.clone(), amount, limit: self.limit }
    }
}

impl Decide<Charge> for Payment {
    fn decide(
        &self,
        command: &Charge,
        _: &DecisionContext,
    ) -> Result<Vec<PaymentEvent>, PaymentError> {
        if self.charged || self.refunded {
            return Err(PaymentError::Settled);
        }
        let Charge { method, amount, limit } = command.clone();
        match limit {
            Some(limit) if amount > limit => Err(PaymentError::Declined { amount, limit }),
            _ => Ok(vec![PaymentEvent::Authorised { method, amount }]),
        }
    }
}

/// Gives money back: what was charged, or what a credit note says.
#[derive(Command, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[command(aggregate = Payment)]
pub(crate) struct Refund {
    pub(crate) amount: Decimal,
}

impl Decide<Refund> for Payment {
    fn decide(
        &self,
        command: &Refund,
        _: &DecisionContext,
    ) -> Result<Vec<PaymentEvent>, PaymentError> {
        if self.refunded {
            return Err(PaymentError::Settled);
        }
        Ok(vec![PaymentEvent::Refunded { amount: command.amount }])
    }
}
