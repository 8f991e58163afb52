//! An order, from being placed to being confirmed or rejected; and a credit note, which is an
//! order the other way round, with a stream of its own.

use annals::prelude::*;
use annals::{Date, Decimal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::line::{Buyer, Line, amount_of, day_of, items_of};

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "order")]
pub(crate) enum OrderEvent {
    Placed {
        buyer: Buyer,
        placed_at: Timestamp,
        lines: Vec<Line>,
    },
    /// The goods are there and paid for. Says what was sold, so that whoever counts sales need not
    /// have seen the order.
    Confirmed {
        country: String,
        day: Date,
        items: i64,
        amount: Decimal,
    },
    Rejected {
        reason: Rejection,
        detail: String,
    },
    /// Goods came back, or a charge was taken back.
    Credited {
        /// The order, where it is known.
        against: Option<String>,
        buyer: Buyer,
        credited_at: Timestamp,
        lines: Vec<Line>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rejection {
    OutOfStock,
    Declined,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum OrderError {
    #[error("an order without lines is no order")]
    Empty,
    #[error("there is an order with this number already")]
    Exists,
    #[error("the order is {0:?}, not placed")]
    NotOpen(Status),
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    Unknown,
    Placed,
    Confirmed,
    Rejected(Rejection),
    Credited,
}

#[derive(Aggregate, Default)]
#[aggregate(category = "order", id = String, event = OrderEvent, error = OrderError)]
pub(crate) struct Order {
    pub(crate) status: Status,
    country: String,
    day: Date,
    items: i64,
    amount: Decimal,
}

impl Apply for Order {
    fn apply(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::Placed { buyer, placed_at, lines } => {
                self.status = Status::Placed;
                self.country.clone_from(&buyer.country);
                self.day = day_of(*placed_at);
                self.items = items_of(lines);
                self.amount = amount_of(lines);
            }
            OrderEvent::Confirmed { .. } => self.status = Status::Confirmed,
            OrderEvent::Rejected { reason, .. } => self.status = Status::Rejected(*reason),
            OrderEvent::Credited { .. } => self.status = Status::Credited,
        }
    }
}

/// Opens an order.
#[derive(Command, Debug, Clone, PartialEq)]
#[command(aggregate = Order)]
pub(crate) struct PlaceOrder {
    pub(crate) buyer: Buyer,
    pub(crate) placed_at: Timestamp,
    pub(crate) lines: Vec<Line>,
}

impl Decide<PlaceOrder> for Order {
    fn decide(
        &self,
        command: &PlaceOrder,
        _: &DecisionContext,
    ) -> Result<Vec<OrderEvent>, OrderError> {
        self.must_be_new(&command.lines)?;
        let PlaceOrder { buyer, placed_at, lines } = command.clone();
        Ok(vec![OrderEvent::Placed { buyer, placed_at, lines }])
    }
}

/// Writes a credit note.
#[derive(Command, Debug, Clone, PartialEq)]
#[command(aggregate = Order)]
pub(crate) struct CreditNote {
    pub(crate) against: Option<String>,
    pub(crate) buyer: Buyer,
    pub(crate) credited_at: Timestamp,
    pub(crate) lines: Vec<Line>,
}

impl Decide<CreditNote> for Order {
    fn decide(
        &self,
        command: &CreditNote,
        _: &DecisionContext,
    ) -> Result<Vec<OrderEvent>, OrderError> {
        self.must_be_new(&command.lines)?;
        let CreditNote { against, buyer, credited_at, lines } = command.clone();
        Ok(vec![OrderEvent::Credited { against, buyer, credited_at, lines }])
    }
}

impl Order {
    pub(crate) fn confirm(&self) -> Result<OrderEvent, OrderError> {
        self.must_be_open()?;
        Ok(OrderEvent::Confirmed {
            country: self.country.clone(),
            day: self.day,
            items: self.items,
            amount: self.amount,
        })
    }

    pub(crate) fn reject(&self, reason: Rejection, detail: &str) -> Result<OrderEvent, OrderError> {
        self.must_be_open()?;
        Ok(OrderEvent::Rejected { reason, detail: detail.into() })
    }

    fn must_be_new(&self, lines: &[Line]) -> Result<(), OrderError> {
        match self.status {
            _ if lines.is_empty() => Err(OrderError::Empty),
            Status::Unknown => Ok(()),
            _ => Err(OrderError::Exists),
        }
    }

    fn must_be_open(&self) -> Result<(), OrderError> {
        if self.status == Status::Placed { Ok(()) } else { Err(OrderError::NotOpen(self.status)) }
    }
}
