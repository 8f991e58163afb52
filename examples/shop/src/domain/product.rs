//! A product and its stock: what is not there cannot be reserved.

use annals::Decimal;
use annals::prelude::*;
use serde::{Deserialize, Serialize};

use super::line::Line;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "product")]
pub(crate) enum ProductEvent {
    Listed {
        name: String,
        price: Decimal,
    },
    Received {
        quantity: i64,
    },
    /// Goods have left the shelf for an order.
    Reserved {
        order: String,
        quantity: i64,
        amount: Decimal,
    },
    /// The order came to nothing: the goods go back to the shelf.
    Released {
        order: String,
        quantity: i64,
        amount: Decimal,
    },
    Returned {
        note: String,
        quantity: i64,
        amount: Decimal,
    },
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum ProductError {
    #[error("{name}: {wanted} wanted, {left} left")]
    OutOfStock { name: String, wanted: i64, left: i64 },
    #[error("{0} is no quantity")]
    NoQuantity(i64),
}

#[derive(Aggregate, Default)]
#[aggregate(category = "product", id = String, event = ProductEvent, error = ProductError)]
pub(crate) struct Product {
    /// Empty as long as it is not listed.
    name: String,
    on_hand: i64,
}

impl Apply for Product {
    fn apply(&mut self, event: &ProductEvent) {
        match event {
            ProductEvent::Listed { name, .. } => self.name.clone_from(name),
            ProductEvent::Reserved { quantity, .. } => self.on_hand -= quantity,
            ProductEvent::Received { quantity }
            | ProductEvent::Released { quantity, .. }
            | ProductEvent::Returned { quantity, .. } => self.on_hand += quantity,
        }
    }
}

impl Product {
    /// Listing twice changes nothing.
    pub(crate) fn list(
        &self,
        name: &str,
        price: Decimal,
    ) -> Result<Option<ProductEvent>, ProductError> {
        Ok(self.name.is_empty().then(|| ProductEvent::Listed { name: name.into(), price }))
    }

    pub(crate) fn receive(&self, quantity: i64) -> Result<ProductEvent, ProductError> {
        some(quantity)?;
        Ok(ProductEvent::Received { quantity })
    }
}

/// Takes goods off the shelf for an order.
#[derive(Command, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[command(aggregate = Product)]
pub(crate) struct Reserve {
    pub(crate) order: String,
    pub(crate) quantity: i64,
    pub(crate) amount: Decimal,
}

impl Decide<Reserve> for Product {
    fn decide(
        &self,
        command: &Reserve,
        _: &DecisionContext,
    ) -> Result<Vec<ProductEvent>, ProductError> {
        let Reserve { order, quantity, amount } = command.clone();
        some(quantity)?;
        if quantity > self.on_hand {
            let (name, left) = (self.name.clone(), self.on_hand);
            return Err(ProductError::OutOfStock { name, wanted: quantity, left });
        }
        Ok(vec![ProductEvent::Reserved { order, quantity, amount }])
    }
}

/// Puts them back: the order came to nothing.
#[derive(Command, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[command(aggregate = Product)]
pub(crate) struct Release {
    pub(crate) order: String,
    pub(crate) quantity: i64,
    pub(crate) amount: Decimal,
}

impl Decide<Release> for Product {
    fn decide(
        &self,
        command: &Release,
        _: &DecisionContext,
    ) -> Result<Vec<ProductEvent>, ProductError> {
        let Release { order, quantity, amount } = command.clone();
        some(quantity)?;
        Ok(vec![ProductEvent::Released { order, quantity, amount }])
    }
}

/// Puts goods back that a customer has returned.
#[derive(Command, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[command(aggregate = Product)]
pub(crate) struct TakeBack {
    pub(crate) note: String,
    pub(crate) quantity: i64,
    pub(crate) amount: Decimal,
}

impl Decide<TakeBack> for Product {
    fn decide(
        &self,
        command: &TakeBack,
        _: &DecisionContext,
    ) -> Result<Vec<ProductEvent>, ProductError> {
        let TakeBack { note, quantity, amount } = command.clone();
        some(quantity)?;
        Ok(vec![ProductEvent::Returned { note, quantity, amount }])
    }
}

impl Line {
    /// What reserves the goods of this line for an order, and what undoes that.
    pub(crate) fn reserve(&self, order: &str) -> (Reserve, Release) {
        let (quantity, amount) = (self.quantity, self.amount());
        let reserve = Reserve { order: order.to_owned(), quantity, amount };
        (reserve, Release { order: order.to_owned(), quantity, amount })
    }

    /// What puts the goods of this line of a credit note back.
    pub(crate) fn take_back(&self, note: &str) -> TakeBack {
        TakeBack { note: note.to_owned(), quantity: self.quantity, amount: self.amount() }
    }
}

fn some(quantity: i64) -> Result<(), ProductError> {
    if quantity > 0 { Ok(()) } else { Err(ProductError::NoQuantity(quantity)) }
}
