//! Facts on their way from one service to another.

mod disorder;
mod foreign;
pub(crate) mod history;
mod parked_ids;
mod promises;
mod request;
mod services;

use std::sync::Arc;

use annals::outbox::{Address, MemoryBroker, Route};
use annals::prelude::*;
use annals_tests::bank::AccountEvent;

/// What the bank tells others.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "bank.account")]
pub(crate) enum AccountFact {
    /// Somebody became a customer.
    Opened { owner: String },
    /// Money came, or went.
    Moved { cents: i64 },
}

pub(crate) struct Accounts;

impl Route for Accounts {
    type Event = AccountEvent;
    type Public = AccountFact;
    const NAME: &'static str = "accounts-out";

    fn source(&self) -> String {
        "/bank".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        vec![Address::new("accounts")]
    }

    /// Who opens an account also moves nothing, so that one event becomes two.
    fn publish(&self, event: &Recorded<AccountEvent>) -> Vec<AccountFact> {
        match &event.data {
            AccountEvent::Opened { owner } => {
                vec![AccountFact::Opened { owner: owner.clone() }, AccountFact::Moved { cents: 0 }]
            }
            AccountEvent::Deposited { cents } => vec![AccountFact::Moved { cents: *cents }],
            AccountEvent::Withdrawn { cents } => vec![AccountFact::Moved { cents: -cents }],
            // Nobody else's business.
            AccountEvent::Closed => vec![],
        }
    }
}

/// What another service keeps of an account.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "customers")]
pub(crate) struct Customer {
    #[key]
    pub(crate) account: u32,
    pub(crate) owner: String,
    pub(crate) cents: i64,
    /// How many facts were taken in.
    pub(crate) facts: i64,
}

pub(crate) struct Customers;

impl Projection for Customers {
    type Event = AccountFact;
    type Row = Customer;

    fn fold(&self, account: &u32, row: &mut Option<Customer>, event: &Recorded<AccountFact>) {
        let new = || Customer { account: *account, owner: String::new(), cents: 0, facts: 0 };
        let row = row.get_or_insert_with(new);
        row.facts += 1;
        match &event.data {
            AccountFact::Opened { owner } => row.owner.clone_from(owner),
            AccountFact::Moved { cents } => {
                assert!(*cents != 13, "thirteen is refused");
                row.cents += cents;
            }
        }
    }
}

pub(crate) fn shared(broker: &MemoryBroker) -> Arc<MemoryBroker> {
    Arc::new(broker.clone())
}
