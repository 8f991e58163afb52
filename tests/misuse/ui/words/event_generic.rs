use annals::Event;

#[derive(Event)]
#[event(prefix = "account")]
enum AccountEvent<T> {
    Opened { owner: T },
}

fn main() {}
