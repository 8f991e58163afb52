//! `annals schema list`.

use std::collections::BTreeMap;

use annals::outbox::contracts;
use annals::store::Operate;
use serde::Serialize;

use super::own;
use crate::failure::Failure;
use crate::screen::{Screen, table};

#[derive(Serialize)]
struct Listed {
    r#type: String,
    version: u32,
    /// Whether others are told of it, or it is the store's own.
    public: bool,
    /// The routes that publish it, and the places that they send to.
    routes: Vec<String>,
    places: Vec<String>,
}

pub(super) async fn list(
    store: &dyn Operate,
    log: &dyn Operate,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let own = own(log).await?.into_iter().map(|one| Listed {
        r#type: one.event_type,
        version: one.version,
        public: false,
        routes: Vec::new(),
        places: Vec::new(),
    });
    let mut listed: Vec<Listed> = own.collect();
    let mut public: BTreeMap<(String, u32), (Vec<String>, Vec<String>)> = BTreeMap::new();
    for contract in contracts(store).await? {
        for event in contract.events {
            let (routes, places) = public.entry((event.event_type, event.version)).or_default();
            routes.push(contract.route.clone());
            for place in contract.places.iter().map(ToString::to_string) {
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
    }
    listed.extend(public.into_iter().map(|((r#type, version), (routes, places))| Listed {
        r#type,
        version,
        public: true,
        routes,
        places,
    }));
    if screen.is_json() {
        return listed.iter().try_for_each(|one| screen.json(one));
    }
    if listed.is_empty() {
        return screen.line("no event has a schema here, and no route was ever started");
    }
    let rows = listed.into_iter().map(|one| {
        let whose = if one.public { "public" } else { "private" }.to_owned();
        let version = one.version.to_string();
        [one.r#type, version, whose, one.routes.join(", "), one.places.join(", ")]
    });
    screen.line(&table(["TYPE", "VERSION", "KIND", "ROUTES", "PLACES"], rows))
}
