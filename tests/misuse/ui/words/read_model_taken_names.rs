use annals::ReadModel;

#[derive(ReadModel, Clone)]
#[read_model(table = "history")]
struct History {
    #[key]
    events: i64,
}

#[derive(ReadModel, Clone)]
#[read_model(table = "names__1")]
struct Generation {
    #[key]
    id: i64,
}

#[derive(ReadModel, Clone)]
#[read_model(table = "annals_events")]
struct Annals {
    #[key]
    id: i64,
}

fn main() {}
