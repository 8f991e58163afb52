use annals::prelude::*;

#[derive(Event)]
#[event(name = "account.opened")]
struct Opened;

#[derive(Event)]
#[event(name = "order.placed")]
struct Placed;

#[derive(Aggregate, Default)]
#[aggregate(category = "account", id = u64, event = Opened, error = std::fmt::Error)]
struct Account;

impl Apply for Account {
    fn apply(&mut self, _: &Opened) {}
}

#[derive(Aggregate, Default)]
#[aggregate(category = "order", id = u64, event = Placed, error = std::fmt::Error)]
struct Order;

struct Withdraw;

#[derive(Command)]
#[command(aggregate = Account)]
struct Close;

async fn misuse(annals: Annals) {
    // A type that is no command.
    let _ = annals.execute(&1, Withdraw).await;
    // An error that is not the aggregate's.
    let _ = annals.execute(&1, |_: &Account| Err::<Opened, String>(String::new())).await;
    // An aggregate that does not say how events change it.
    let _ = annals.execute(&1, |_: &Order| Ok(Placed)).await;
    // An event, and not a `Result` of it.
    let _ = annals.execute(&1, |_: &Account| Opened).await;
    // Nothing.
    let _ = annals.execute(&1, |_: &Account| ()).await;
    // A future.
    let _ = annals.execute(&1, async |_: &Account| Ok::<_, std::fmt::Error>(Opened)).await;
    // An event of another aggregate.
    let _ = annals.execute(&1, |_: &Account| Ok(Placed)).await;
    // A state that is changed.
    let _ = annals.execute(&1, |_: &mut Account| Ok::<_, std::fmt::Error>(Opened)).await;
    // What was meant: the error need not be named.
    let _ = annals.execute(&1, |_: &Account| Ok(Some(Opened))).await;
}

fn main() {}
