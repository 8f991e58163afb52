//! What a bank tells another service, and what that keeps of it: for stories of two services.

use annals::outbox::{Address, Route};
use annals::prelude::*;

use crate::bank::AccountEvent;

/// What the bank tells others.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "bank.account")]
pub enum Fact {
    /// Money came in.
    Came {
        /// How much.
        cents: i64,
    },
}

/// Sends the deposits of accounts to one place.
pub struct Facts(pub Address);

impl Route for Facts {
    type Event = AccountEvent;
    type Public = Fact;
    const NAME: &'static str = "facts-out";

    fn source(&self) -> String {
        "/bank".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        vec![self.0.clone()]
    }

    fn publish(&self, event: &Recorded<AccountEvent>) -> Vec<Fact> {
        match event.data {
            AccountEvent::Deposited { cents } => vec![Fact::Came { cents }],
            _ => vec![],
        }
    }
}

/// What has come of an account: deposits of 1, 2, 3, … cents come in this order, each once.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "deposits")]
pub struct Deposit {
    /// The account.
    #[key]
    pub account: u32,
    /// The last one.
    pub last: i64,
    /// How many did not follow the one before.
    pub disorder: i64,
}

/// Keeps [`Deposit`]s.
pub struct Deposits;

impl Projection for Deposits {
    type Event = Fact;
    type Row = Deposit;

    fn fold(&self, account: &u32, row: &mut Option<Deposit>, event: &Recorded<Fact>) {
        let Fact::Came { cents } = event.data;
        let row = row.get_or_insert(Deposit { account: *account, last: 0, disorder: 0 });
        row.disorder += i64::from(cents != row.last + 1);
        row.last = cents;
    }
}
