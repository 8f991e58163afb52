use annals::Event;

#[derive(Event)]
#[event(prefix = "account")]
#[serde(tag = "kind", rename_all = "camelCase")]
enum AccountEvent {
    #[serde(rename = "open")]
    Opened { owner: String },
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    Renamed { first_name: String },
    #[schemars(rename = "shut")]
    Closed,
}

#[derive(Event)]
#[event(name = "order.placed")]
#[serde(rename_all = "camelCase", default, expecting = "an order")]
#[serde(try_from = "String", skip)]
struct OrderPlaced {
    lines: u32,
}

/// Meant for a derive beside this one.
#[derive(Event)]
#[event(prefix = "note", ignore_serde)]
#[serde(tag = "kind")]
enum NoteEvent {
    #[serde(rename = "w")]
    Written,
}

fn main() {}
