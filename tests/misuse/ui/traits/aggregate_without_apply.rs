use annals::{Aggregate, Annals, Event};

#[derive(Event)]
#[event(name = "account.opened")]
struct Opened;

#[derive(Aggregate, Default)]
#[aggregate(category = "account", id = u64, event = Opened, error = std::fmt::Error)]
struct Account;

async fn load(annals: Annals) {
    let _ = annals.load::<Account>(&1).await;
}

fn main() {}
