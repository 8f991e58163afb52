use annals::Aggregate;

#[derive(Aggregate, Default)]
#[aggregate(category = "account", id = u64, event = (), error = std::fmt::Error, snapshot(every = 10, name = "My Account"))]
struct Account;

fn main() {}
