use annals::Aggregate;

#[derive(Aggregate, Default)]
struct Account {
    cents: i64,
}

#[derive(Aggregate, Default)]
#[aggregate(category = "bank-account", id = u64, event = (), error = std::fmt::Error, snapshot(every = 0))]
struct Savings;

fn main() {}
