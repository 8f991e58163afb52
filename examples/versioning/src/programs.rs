//! The same service, as it was deployed over the years. Each module is a program of its own; all
//! of them write `customer.registered` into the same streams.

use annals::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The first year: one field for the whole name.
pub(crate) mod v1 {
    use super::*;

    #[derive(Event)]
    #[event(prefix = "customer")]
    pub(crate) enum CustomerEvent {
        Registered { name: String },
    }
}

/// The second year: the name in two parts.
pub(crate) mod v2 {
    use super::*;

    #[derive(Event)]
    #[event(prefix = "customer")]
    pub(crate) enum CustomerEvent {
        #[event(version = 2, upcast(1 = split_name))]
        Registered { first_name: String, last_name: String },
    }
}

/// Today: the parts moved into an object, and consent to the newsletter is asked for.
pub(crate) mod v3 {
    use super::*;

    #[derive(Event, Debug, Clone, PartialEq)]
    #[event(prefix = "customer")]
    pub(crate) enum CustomerEvent {
        #[event(version = 3, upcast(1 = split_name, 2 = nest_name))]
        Registered { name: Name, newsletter: bool },
    }

    #[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
    pub(crate) struct Name {
        pub(crate) first: String,
        pub(crate) last: String,
    }
}

/// Today's program after a careless edit: the payload changed, the version did not.
pub(crate) mod careless {
    use super::*;

    #[derive(Event)]
    #[event(prefix = "customer")]
    pub(crate) enum CustomerEvent {
        #[event(version = 3, upcast(1 = split_name, 2 = nest_name))]
        Registered { name: v3::Name, newsletter: bool, country: String },
    }
}

/// What version 1 looked like. A typed step keeps the old shape as a type.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct RegisteredV1 {
    name: String,
}

/// What version 2 looked like.
#[derive(Serialize)]
pub(crate) struct RegisteredV2 {
    first_name: String,
    last_name: String,
}

/// From version 1 to 2, typed. Everything before the last space is the first name.
fn split_name(old: RegisteredV1) -> RegisteredV2 {
    let (first, last) = old.name.rsplit_once(' ').unwrap_or(("", &old.name));
    RegisteredV2 { first_name: first.to_owned(), last_name: last.to_owned() }
}

/// From version 2 to 3, on JSON: shorter when fields only move. Nobody had been asked for consent,
/// so nobody had given it.
fn nest_name(old: Value) -> Value {
    json!({
        "name": { "first": old["first_name"], "last": old["last_name"] },
        "newsletter": false,
    })
}
