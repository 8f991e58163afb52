//! A product and its stock: what is not there cannot be sold.

use annals::Decimal;
use annals::prelude::*;

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
    Sold {
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
    #[error("{wanted} wanted, {left} left")]
    OutOfStock { wanted: i64, left: i64 },
    #[error("{0} is no quantity")]
    NoQuantity(i64),
}

#[derive(Aggregate, Default)]
#[aggregate(category = "product", id = String, event = ProductEvent, error = ProductError)]
pub(crate) struct Product {
    listed: bool,
    on_hand: i64,
}

impl Apply for Product {
    fn apply(&mut self, event: &ProductEvent) {
        match event {
            ProductEvent::Listed { .. } => self.listed = true,
            ProductEvent::Sold { quantity, .. } => self.on_hand -= quantity,
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
        Ok((!self.listed).then(|| ProductEvent::Listed { name: name.into(), price }))
    }

    pub(crate) fn receive(&self, quantity: i64) -> Result<ProductEvent, ProductError> {
        some(quantity)?;
        Ok(ProductEvent::Received { quantity })
    }

    pub(crate) fn sell(
        &self,
        order: &str,
        quantity: i64,
        amount: Decimal,
    ) -> Result<ProductEvent, ProductError> {
        some(quantity)?;
        if quantity > self.on_hand {
            return Err(ProductError::OutOfStock { wanted: quantity, left: self.on_hand });
        }
        Ok(ProductEvent::Sold { order: order.into(), quantity, amount })
    }

    pub(crate) fn release(
        &self,
        order: &str,
        quantity: i64,
        amount: Decimal,
    ) -> Result<ProductEvent, ProductError> {
        some(quantity)?;
        Ok(ProductEvent::Released { order: order.into(), quantity, amount })
    }

    pub(crate) fn take_back(
        &self,
        note: &str,
        quantity: i64,
        amount: Decimal,
    ) -> Result<ProductEvent, ProductError> {
        some(quantity)?;
        Ok(ProductEvent::Returned { note: note.into(), quantity, amount })
    }
}

fn some(quantity: i64) -> Result<(), ProductError> {
    if quantity > 0 { Ok(()) } else { Err(ProductError::NoQuantity(quantity)) }
}
