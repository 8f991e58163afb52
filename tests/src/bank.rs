//! A bank small enough to be told in every story: accounts, and their balances as a read model.

use annals::prelude::*;

/// What can happen to an account.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "account")]
pub enum AccountEvent {
    /// It was opened.
    Opened {
        /// By whom.
        owner: String,
    },
    /// Money came in.
    Deposited {
        /// How much.
        cents: i64,
    },
    /// Money went out.
    Withdrawn {
        /// How much.
        cents: i64,
    },
    /// It was closed; its row goes away.
    Closed,
}

/// Why an account refuses.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AccountError {
    /// There is too little on it.
    #[error("only {left} cents are left")]
    Insufficient {
        /// What is left.
        left: i64,
    },
}

/// An account.
#[derive(Aggregate, Debug, Default, Clone, PartialEq)]
#[aggregate(category = "account", id = u64, event = AccountEvent, error = AccountError)]
pub struct Account {
    /// What is on it.
    pub cents: i64,
    /// How many events it has seen.
    pub events: u64,
}

impl Apply for Account {
    fn apply(&mut self, event: &AccountEvent) {
        self.events += 1;
        match event {
            AccountEvent::Opened { .. } | AccountEvent::Closed => {}
            AccountEvent::Deposited { cents } => self.cents += cents,
            AccountEvent::Withdrawn { cents } => self.cents -= cents,
        }
    }
}

impl Account {
    /// Takes money in, opening the account if it is new.
    pub fn deposit(&self, cents: i64) -> Result<Vec<AccountEvent>, AccountError> {
        let mut events = Vec::new();
        if self.events == 0 {
            events.push(AccountEvent::Opened { owner: "Ada".to_owned() });
        }
        events.push(AccountEvent::Deposited { cents });
        Ok(events)
    }

    /// Gives money out.
    pub fn withdraw(&self, cents: i64) -> Result<AccountEvent, AccountError> {
        if cents > self.cents {
            return Err(AccountError::Insufficient { left: self.cents });
        }
        Ok(AccountEvent::Withdrawn { cents })
    }
}

/// One row an account.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "balances", index(cents))]
pub struct Balance {
    /// The account.
    #[key]
    pub account: u32,
    /// Its owner.
    pub owner: String,
    /// What is on it.
    pub cents: i64,
    /// How many events made it so: an event that is folded twice shows.
    pub events: i64,
}

/// Keeps [`Balance`].
pub struct Balances;

impl Projection for Balances {
    type Event = AccountEvent;
    type Row = Balance;
    const NAME: &str = "balances";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<AccountEvent>) -> Keys<u32> {
        event.aggregate_id().into()
    }

    fn fold(&self, account: &u32, row: &mut Option<Balance>, event: &Recorded<AccountEvent>) {
        let new = || Balance { account: *account, owner: String::new(), cents: 0, events: 0 };
        let balance = row.get_or_insert_with(new);
        balance.events += 1;
        match &event.data {
            AccountEvent::Opened { owner } => balance.owner.clone_from(owner),
            AccountEvent::Deposited { cents } => balance.cents += cents,
            AccountEvent::Withdrawn { cents } => balance.cents -= cents,
            AccountEvent::Closed => *row = None,
        }
    }
}
