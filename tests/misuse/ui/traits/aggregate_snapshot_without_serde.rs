use annals::{Aggregate, Event};

#[derive(Event)]
#[event(name = "account.opened")]
struct Opened;

#[derive(Aggregate, Default)]
#[aggregate(category = "account", id = u64, event = Opened, error = std::fmt::Error, snapshot(every = 100))]
struct Account {
    cents: i64,
}

fn main() {}
