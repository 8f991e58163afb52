//! The payment of an order; its stream has the order's number.

use annals::Decimal;
use annals::prelude::*;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "payment")]
pub(crate) enum PaymentEvent {
    Authorised {
        method: String,
        amount: Decimal,
    },
    /// A fact worth keeping, and so an event and no error.
    Declined {
        method: String,
        amount: Decimal,
        reason: String,
    },
    Refunded {
        amount: Decimal,
    },
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum PaymentError {
    #[error("the payment is settled already")]
    Settled,
}

#[derive(Aggregate, Default)]
#[aggregate(category = "payment", id = String, event = PaymentEvent, error = PaymentError)]
pub(crate) struct Payment {
    settled: bool,
}

impl Apply for Payment {
    fn apply(&mut self, _: &PaymentEvent) {
        self.settled = true;
    }
}

/// Charges what an order costs.
#[derive(Command, Debug, Clone, PartialEq)]
#[command(aggregate = Payment)]
pub(crate) struct Charge {
    pub(crate) method: String,
    pub(crate) amount: Decimal,
    /// What the bank allows, if anything limits it.
    pub(crate) limit: Option<Decimal>,
}

impl Decide<Charge> for Payment {
    fn decide(
        &self,
        command: &Charge,
        _: &DecisionContext,
    ) -> Result<Vec<PaymentEvent>, PaymentError> {
        if self.settled {
            return Err(PaymentError::Settled);
        }
        let Charge { method, amount, limit } = command.clone();
        Ok(vec![match limit {
            Some(limit) if amount > limit => PaymentEvent::Declined {
                method,
                amount,
                reason: format!("{amount} is over the limit of {limit}"),
            },
            _ => PaymentEvent::Authorised { method, amount },
        }])
    }
}

impl Payment {
    pub(crate) fn refund(&self, amount: Decimal) -> Result<PaymentEvent, PaymentError> {
        if self.settled {
            return Err(PaymentError::Settled);
        }
        Ok(PaymentEvent::Refunded { amount })
    }
}
