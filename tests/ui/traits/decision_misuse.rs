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

struct Withdraw;

#[derive(Command)]
#[command(aggregate = Account)]
struct Close;

async fn misuse(annals: Annals) {
    // A type that is no command.
    let _ = annals.execute(&1, Withdraw);
    // An error that is not the aggregate's.
    let _ = annals.execute(&1, |_: &Account| Err::<Opened, String>(String::new()));
}

fn main() {}
