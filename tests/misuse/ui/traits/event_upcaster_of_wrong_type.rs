use annals::Event;

#[derive(Event)]
#[event(prefix = "account")]
enum AccountEvent {
    #[event(version = 2, upcast(1 = owner_only))]
    Opened { owner: String, limit: i64 },
}

fn owner_only(owner: String, limit: i64) -> (String, i64) {
    (owner, limit)
}

fn main() {}
