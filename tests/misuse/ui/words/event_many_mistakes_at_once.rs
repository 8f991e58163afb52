use annals::Event;

#[derive(Event)]
#[event(prefix = "account", colour = "red")]
enum AccountEvent {
    Opened,
    #[event(name = "account.opened")]
    Reopened,
    Moved(String, u32),
    #[event(version = 3, upcast(1 = first))]
    Renamed { to: String },
    #[event(name = "Account.Closed")]
    Closed,
}

fn first(old: serde_json::Value) -> serde_json::Value {
    old
}

fn main() {}
