use annals::prelude::*;

#[derive(Event)]
#[event(name = "account.opened")]
struct Opened;

#[derive(Aggregate, Default)]
#[aggregate(category = "account", id = u64, event = Opened, error = std::fmt::Error)]
struct Account;

impl Apply for Account {
    fn apply(&mut self, _: &Opened) {}
}

async fn forgotten() -> Result<(), Box<dyn std::error::Error>> {
    let annals = Annals::open("memory:").await?;
    annals.execute(&1, |_: &Account| Ok(Opened)).await?;
    annals.load::<Account>(&1).await?;
    Ok(())
}

fn main() {}
