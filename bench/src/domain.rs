//! The bank account that both sides of every workload work on.

use annals::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// About 200 bytes as JSON. The payload of the event, and what the hand-written program stores.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
pub(crate) struct Movement {
    pub(crate) cents: i64,
    pub(crate) currency: String,
    pub(crate) reference: String,
    pub(crate) counterparty: String,
    pub(crate) note: String,
}

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "account")]
pub(crate) enum AccountEvent {
    Moved(Movement),
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("only {left} cents are left")]
pub(crate) struct Overdrawn {
    left: i64,
}

#[derive(Aggregate, Debug, Default, Clone, PartialEq)]
#[aggregate(category = "account", id = Uuid, event = AccountEvent, error = Overdrawn)]
pub(crate) struct Account {
    pub(crate) cents: i64,
    pub(crate) movements: u64,
}

impl Apply for Account {
    fn apply(&mut self, event: &AccountEvent) {
        let AccountEvent::Moved(movement) = event;
        self.take_in(movement);
    }
}

impl Account {
    /// The fold, for both sides.
    pub(crate) fn take_in(&mut self, movement: &Movement) {
        self.cents += movement.cents;
        self.movements += 1;
    }

    /// The decision, for both sides.
    pub(crate) fn decide(&self, movement: Movement) -> Result<Movement, Overdrawn> {
        if self.cents + movement.cents < 0 {
            Err(Overdrawn { left: self.cents })
        } else {
            Ok(movement)
        }
    }
}

impl Movement {
    /// The movement with this number: always a deposit, so that no decision refuses it.
    pub(crate) fn number(n: u64) -> Self {
        Self {
            cents: 100 + (n % 1_000) as i64,
            currency: "EUR".to_owned(),
            reference: format!("2026-INVOICE-{n:010}"),
            counterparty: format!("DE89370400440532{:06}", n % 1_000_000),
            note: format!(
                "payment {n} for goods delivered in November, with thanks, order {}",
                n / 3
            ),
        }
    }
}

/// The account with this number. Ids lie apart, as those of real accounts do.
pub(crate) fn account(n: u64) -> Uuid {
    let spread = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Uuid::from_u128(spread)
}
