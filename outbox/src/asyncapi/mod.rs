//! What a service publishes, as an AsyncAPI document.

mod channels;
mod message;
mod schema;

use annals_core::CloudEvent;
use serde_json::{Map, Value, json};

use crate::contract::{Contract, ContractError, public_events, servers};
use crate::escape::key;
use crate::event_schema::EventSchema;

use channels::{Channels, Servers};

/// What an AsyncAPI document says of the service as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub title: String,
    /// The version of the document.
    pub version: String,
}

impl Service {
    /// What its routes say of themselves: their sources, and the greatest of their versions.
    pub fn of(contracts: &[Contract]) -> Self {
        let mut sources: Vec<&str> = contracts.iter().map(|one| one.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        let version = contracts.iter().map(|one| one.version).max().unwrap_or(1);
        Self { title: sources.join(", "), version: version.to_string() }
    }
}

/// An [AsyncAPI 3.0](https://www.asyncapi.com/docs/reference/specification/v3.0.0) document of what routes
/// publish: servers, channels, the newest version of every message in the envelope that it travels in, and an
/// operation `send` for each place of a route.
///
/// Schemas are in AsyncAPI's own dialect, that of JSON Schema's draft 7 with a little more. What is newer than
/// that is left out of them, so that they may allow more than the [documents](EventSchema::document) do.
///
/// The same contracts, in any order, make the same document.
///
/// ```
/// use annals_core::{Event, Recorded};
/// use annals_outbox::{Address, Contract, MemoryBroker, Route, Service, asyncapi};
///
/// # #[derive(Event)]
/// # #[event(prefix = "order", crate = annals_core)]
/// # enum OrderEvent { Placed { cents: i64 } }
/// # #[derive(Event)]
/// # #[event(prefix = "shop.order", crate = annals_core)]
/// # enum OrderFact { Placed { cents: i64 } }
/// # struct Orders;
/// # impl Route for Orders {
/// #     type Event = OrderEvent;
/// #     type Public = OrderFact;
/// #     const NAME: &'static str = "orders-out";
/// #     fn source(&self) -> String { "/shop/orders".to_owned() }
/// #     fn places(&self) -> Vec<Address> { vec![Address::new("orders")] }
/// #     fn publish(&self, event: &Recorded<OrderEvent>) -> Vec<OrderFact> {
/// #         let OrderEvent::Placed { cents } = event.data;
/// #         vec![OrderFact::Placed { cents }]
/// #     }
/// # }
/// let contract = Contract::of(&Orders, &MemoryBroker::default());
/// let service = Service { title: "Orders".to_owned(), version: "1.0.0".to_owned() };
/// let document = asyncapi(&[contract], &service)?;
/// assert_eq!(document["asyncapi"], "3.0.0");
/// assert_eq!(document["channels"]["orders"]["address"], "orders");
/// assert_eq!(document["operations"]["orders-out.orders"]["action"], "send");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ContractError::Disagree`] when two routes do not say the same of an event.
pub fn asyncapi(contracts: &[Contract], service: &Service) -> Result<Value, ContractError> {
    let mut contracts: Vec<Contract> = contracts.to_vec();
    contracts.sort_by(|one, other| one.route.cmp(&other.route));
    public_events(&contracts)?;
    let (mut known_servers, mut channels) = (Servers::default(), Channels::default());
    let (mut messages, mut schemas, mut operations) = (Map::new(), Map::new(), Map::new());
    for contract in &contracts {
        let at = known_servers.of(&contract.broker);
        let prefix = servers(&contract.broker).first().map_or("", |one| one.attribute_prefix());
        let mut sent = Vec::new();
        for event in contract.newest() {
            let of_schema = format!("{}.v{}", key(&event.event_type), event.version);
            schema::place(&of_schema, &event.schema, &mut schemas);
            let of_message = format!("{}.{of_schema}", key(&contract.route));
            let told = message::message(contract, event, prefix, &of_schema);
            messages.insert(of_message.clone(), told);
            sent.push(of_message);
        }
        for place in &contract.places {
            let channel = channels.carry(&contract.broker, place, &at, &sent);
            let operation = operation(contract, &channel, &sent);
            operations.insert(format!("{}.{channel}", key(&contract.route)), operation);
        }
    }
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": { "title": service.title, "version": service.version },
        "defaultContentType": "application/json",
        "servers": known_servers.into_json(),
        "channels": channels.into_json(),
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    });
    document.sort_all_objects();
    Ok(document)
}

fn operation(contract: &Contract, channel: &str, messages: &[String]) -> Value {
    let to = |message: &String| reference(&["channels", channel, "messages", message]);
    json!({
        "action": "send",
        "channel": reference(&["channels", channel]),
        "summary": format!("What the route `{}` sends here.", contract.route),
        "messages": messages.iter().map(to).collect::<Vec<_>>(),
    })
}

/// A reference within the document. The keys of this document need no escaping.
fn reference(to: &[&str]) -> Value {
    json!({ "$ref": format!("#/{}", to.join("/")) })
}

/// What messages name in `dataschema`.
fn urn(event: &EventSchema) -> String {
    CloudEvent::schema_urn(&event.event_type, event.version).to_string()
}

#[cfg(test)]
mod tests;
