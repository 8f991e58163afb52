//! The account that the examples of this documentation are about.
#![allow(missing_docs)]

use crate::prelude::*;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "account")]
pub enum AccountEvent {
    Deposited { cents: i64 },
}

#[derive(Aggregate, Debug, Default)]
#[aggregate(category = "account", id = u32, event = AccountEvent, error = std::fmt::Error)]
pub struct Account {
    pub cents: i64,
}

impl Apply for Account {
    fn apply(&mut self, event: &AccountEvent) {
        let AccountEvent::Deposited { cents } = event;
        self.cents += cents;
    }
}

impl Account {
    /// Refuses nothing but nothing.
    pub fn deposit(&self, cents: i64) -> Result<AccountEvent, std::fmt::Error> {
        if cents > 0 { Ok(AccountEvent::Deposited { cents }) } else { Err(std::fmt::Error) }
    }
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "balances")]
pub struct Balance {
    #[key]
    pub account: u32,
    pub cents: i64,
}

#[derive(Debug)]
pub struct Balances;

impl Projection for Balances {
    type Event = AccountEvent;
    type Row = Balance;

    fn fold(&self, account: &u32, row: &mut Option<Balance>, event: &Recorded<AccountEvent>) {
        let row = row.get_or_insert(Balance { account: *account, cents: 0 });
        let AccountEvent::Deposited { cents } = event.data;
        row.cents += cents;
    }
}
