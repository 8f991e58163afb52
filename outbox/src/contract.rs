//! What a route tells others: which events, in which form, from where.

mod broker;

use std::collections::BTreeMap;

use annals_consumers::ops;
use annals_core::store::{StoreError, Workspace};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::envelope::Envelope;
use crate::event_schema::EventSchema;
use crate::publisher::Publisher;
use crate::relay::KIND;
use crate::route::Route;

pub(crate) use broker::servers;

/// What a route tells others. A relay that starts leaves it in the workspace, where whoever looks at the
/// store finds it [without the program](contracts).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// The route's name.
    pub route: String,
    /// Its version.
    pub version: u32,
    /// The name of the service to others.
    pub source: String,
    /// The broker, without users, passwords and parameters.
    pub broker: String,
    /// In what form its messages travel.
    pub envelope: Envelope,
    /// Every place that it sends messages to.
    pub places: Vec<Address>,
    /// Every version of the public events whose shape is known, by name and version: the newest is sent, and
    /// the older may still be on their way.
    pub events: Vec<EventSchema>,
}

/// Why contracts do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContractError {
    /// Two routes tell others different schemas under one name and version.
    #[error(
        "the routes `{first}` and `{second}` give `{event_type}` version {version} different schemas: \
         start the newest program of both, or take one of the routes at a time"
    )]
    Disagree {
        /// The public event's name.
        event_type: String,
        /// The version of its schema.
        version: u32,
        /// A route.
        first: String,
        /// The other.
        second: String,
    },
}

impl Contract {
    /// What a route tells others by a broker.
    pub fn of<R: Route>(route: &R, publisher: &dyn Publisher) -> Self {
        Self {
            route: R::NAME.to_owned(),
            version: R::VERSION,
            source: route.source(),
            broker: broker::without_secrets(publisher.broker()),
            envelope: R::ENVELOPE,
            places: route.places(),
            events: EventSchema::of::<R::Public>(),
        }
    }

    /// The key of the workspace's state under which a route's contract is kept.
    pub(crate) fn key(route: &str) -> String {
        format!("outbox/{route}")
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and schemas are always JSON")
    }

    /// The newest version of each of its events.
    pub(crate) fn newest(&self) -> Vec<&EventSchema> {
        let mut newest: BTreeMap<&str, &EventSchema> = BTreeMap::new();
        for event in &self.events {
            let known = newest.entry(&event.event_type).or_insert(event);
            if known.version < event.version {
                *known = event;
            }
        }
        newest.into_values().collect()
    }
}

/// What each route tells others whose relay was ever started on a workspace, by the routes' names. Where
/// several versions of a program have run, the newest has the word.
///
/// # Errors
/// [`StoreError`] when the workspace cannot be read; [`StoreError::Corrupt`] names a contract that cannot
/// be understood.
pub async fn contracts(work: &dyn Workspace) -> Result<Vec<Contract>, StoreError> {
    let mut contracts = Vec::new();
    for relay in ops::consumers(work).await?.into_iter().filter(|one| one.kind == KIND) {
        let Some(text) = work.state(&Contract::key(&relay.name)).await? else { continue };
        let contract: Contract =
            serde_json::from_str(&text).map_err(|error| StoreError::Corrupt {
                place: format!("the contract of the route `{}`", relay.name),
                detail: error.to_string(),
            })?;
        contracts.push(contract);
    }
    contracts.sort_by(|one, other| one.route.cmp(&other.route));
    Ok(contracts)
}

/// The public events of several routes, each version once, by name and version.
///
/// # Errors
/// [`ContractError::Disagree`] when two routes do not say the same of one.
pub fn public_events(contracts: &[Contract]) -> Result<Vec<&EventSchema>, ContractError> {
    let mut known: BTreeMap<(&str, u32), (&str, &EventSchema)> = BTreeMap::new();
    for contract in contracts {
        for event in &contract.events {
            let (first, told) = known.entry(event.place()).or_insert((&contract.route, event));
            if told.schema != event.schema {
                return Err(ContractError::Disagree {
                    event_type: event.event_type.clone(),
                    version: event.version,
                    first: (*first).to_owned(),
                    second: contract.route.clone(),
                });
            }
        }
    }
    Ok(known.into_values().map(|(_, event)| event).collect())
}

#[cfg(test)]
mod tests;
