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
        pays: Pays,
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

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rejection {
    OutOfStock,
    Declined,
    /// A person has cancelled it, or it took too long.
    #[default]
    GivenUp,
}

/// How an order is paid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Pays {
    pub(crate) method: String,
    /// What the buyer's bank allows, if anything limits it.
    pub(crate) limit: Option<Decimal>,
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
            OrderEvent::Placed { buyer, placed_at, lines, .. } => {
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
    pub(crate) pays: Pays,
}

impl Decide<PlaceOrder> for Order {
    fn decide(
        &self,
        command: &PlaceOrder,
        _: &DecisionContext,
    ) -> Result<Vec<OrderEvent>, OrderError> {
        self.must_be_new(&command.lines)?;
        let PlaceOrder { buyer, placed_at, lines, pays } = command.clone();
        Ok(vec![OrderEvent::Placed { buyer, placed_at, lines, pays }])
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

/// The goods are there and paid for.
#[derive(Command, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[command(aggregate = Order)]
pub(crate) struct Confirm;

impl Decide<Confirm> for Order {
    fn decide(&self, _: &Confirm, _: &DecisionContext) -> Result<Vec<OrderEvent>, OrderError> {
        self.must_be_open()?;
        let (country, day) = (self.country.clone(), self.day);
        Ok(vec![OrderEvent::Confirmed { country, day, items: self.items, amount: self.amount }])
    }
}

/// They are not.
#[derive(Command, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[command(aggregate = Order)]
pub(crate) struct Reject {
    pub(crate) reason: Rejection,
    pub(crate) detail: String,
}

impl Decide<Reject> for Order {
    fn decide(&self, command: &Reject, _: &DecisionContext) -> Result<Vec<OrderEvent>, OrderError> {
        self.must_be_open()?;
        let Reject { reason, detail } = command.clone();
        Ok(vec![OrderEvent::Rejected { reason, detail }])
    }
}

impl Order {
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
