use annals::prelude::*;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "account")] // stored as account.opened, account.deposited, account.withdrawn
enum AccountEvent {
    Opened { owner: String },
    Deposited { cents: i64 },
    Withdrawn { cents: i64 },
}
use AccountEvent::{Deposited, Opened, Withdrawn};

#[derive(thiserror::Error, Debug, PartialEq)]
#[error("only {0} cents are left")]
struct Insufficient(i64);

#[derive(Aggregate, Default)]
#[aggregate(category = "account", id = Uuid, event = AccountEvent, error = Insufficient)]
struct Account { cents: i64 }

impl Apply for Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            Opened { .. } => {}
            Deposited { cents } => self.cents += cents,
            Withdrawn { cents } => self.cents -= cents,
        }
    }
}

impl Account {
    fn open(&self, owner: &str) -> Result<AccountEvent, Insufficient> {
        Ok(Opened { owner: owner.to_owned() })
    }
    fn deposit(&self, cents: i64) -> Result<AccountEvent, Insufficient> {
        Ok(Deposited { cents })
    }
    fn withdraw(&self, cents: i64) -> Result<AccountEvent, Insufficient> {
        if cents > self.cents { Err(Insufficient(self.cents)) } else { Ok(Withdrawn { cents }) }
    }
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "balances")]
struct Balance { #[key] account: Uuid, owner: String, cents: i64 }

struct Balances;
impl Projection for Balances {
    type Event = AccountEvent;
    type Row = Balance;
    fn fold(&self, account: &Uuid, row: &mut Option<Balance>, event: &Recorded<AccountEvent>) {
        let new = || Balance { account: *account, owner: String::new(), cents: 0 };
        let row = row.get_or_insert_with(new);
        match &event.data {
            Opened { owner } => row.owner.clone_from(owner),
            Deposited { cents } => row.cents += cents,
            Withdrawn { cents } => row.cents -= cents,
        }
    }
}

#[test]
fn nobody_withdraws_more_than_is_left() {
    let given = annals_testkit::Scenario::<Account>::given([Deposited { cents: 5 }]);
    given.when(|account: &Account| account.withdraw(7)).then_error(Insufficient(5));
}
