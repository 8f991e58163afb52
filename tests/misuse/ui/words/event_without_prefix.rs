use annals::Event;

#[derive(Event)]
enum AccountEvent {
    Opened { owner: String },
}

#[derive(Event)]
struct Closed;

#[derive(Event)]
#[event(prefix = "nothing")]
enum Never {}

fn main() {}
