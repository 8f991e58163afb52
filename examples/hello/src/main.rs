//! A bank account: events, state, decisions, a read model and a test.

use annals::prelude::*;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "account")]
enum AccountEvent {
    Opened { owner: String },
    Deposited { cents: i64 },
    Withdrawn { cents: i64 },
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum AccountError {
    #[error("the account is open already")]
    AlreadyOpen,
    #[error("only {left} cents are left")]
    Insufficient { left: i64 },
}

#[derive(Aggregate, Default)]
#[aggregate(category = "account", id = Uuid, event = AccountEvent, error = AccountError)]
struct Account {
    open: bool,
    cents: i64,
}

impl Apply for Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { .. } => self.open = true,
            AccountEvent::Deposited { cents } => self.cents += cents,
            AccountEvent::Withdrawn { cents } => self.cents -= cents,
        }
    }
}

impl Account {
    fn open(&self, owner: &str) -> Result<AccountEvent, AccountError> {
        if self.open { Err(AccountError::AlreadyOpen) } else { Ok(AccountEvent::Opened { owner: owner.into() }) }
    }

    fn deposit(&self, cents: i64) -> Result<AccountEvent, AccountError> {
        Ok(AccountEvent::Deposited { cents })
    }

    fn withdraw(&self, cents: i64) -> Result<AccountEvent, AccountError> {
        if cents > self.cents { Err(AccountError::Insufficient { left: self.cents }) } else { Ok(AccountEvent::Withdrawn { cents }) }
    }
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "balances")]
struct Balance {
    #[key]
    account: Uuid,
    owner: String,
    cents: i64,
}

struct Balances;

impl Projection for Balances {
    type Event = AccountEvent;
    type Row = Balance;
    const NAME: &str = "balances";
    const VERSION: u32 = 1;

    fn keys(event: &Recorded<AccountEvent>) -> Keys<Uuid> {
        event.aggregate_id().into()
    }

    fn fold(account: &Uuid, row: &mut Option<Balance>, event: &Recorded<AccountEvent>) {
        match (&event.event, row) {
            (AccountEvent::Opened { owner }, row) => *row = Some(Balance { account: *account, owner: owner.clone(), cents: 0 }),
            (AccountEvent::Deposited { cents }, Some(row)) => row.cents += cents,
            (AccountEvent::Withdrawn { cents }, Some(row)) => row.cents -= cents,
            (_, None) => {}
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    let id = Uuid::now_v7();
    annals.execute(&id, |account: &Account| account.open("Ada")).await?;
    annals.execute(&id, |account: &Account| account.deposit(700)).await?;
    let (receipt, balance) = annals.execute(&id, |account: &Account| account.withdraw(500)).then_read::<Balance>(id).await?;
    println!("version {} of {}: {balance:?}", receipt.version, receipt.stream);
    annals.rebuild::<Balances>().await?;
    println!("{:?}", annals.execute(&id, |account: &Account| account.withdraw(500)).await.unwrap_err());
    Ok(())
}
