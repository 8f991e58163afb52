//! What a service tells others travels as files, which nobody needs the service's program for.

mod export;
mod routes;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use annals::outbox::{Address, Envelope, Message, PublishError, Published, Publisher, Route};
use annals::prelude::*;
use annals::{Annals, async_trait};
use annals_tests::bank::AccountEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::program::{PATIENCE, options};
use super::site::Site;

/// A program that publishes by a route.
async fn publish<R: Route>(site: &Site, route: R, publisher: Arc<dyn Publisher>) -> Annals {
    let program = Annals::on_shared(site.store().await).events::<AccountEvent>();
    let program = program.publish(route, publisher).engine_options(options());
    program.start().await.expect("it starts")
}

/// Every file beneath a directory, by its name there.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        match path.is_dir() {
            true => found.extend(
                files(&path).into_iter().map(|(inner, text)| (format!("{name}/{inner}"), text)),
            ),
            false => {
                found.insert(name, fs::read_to_string(&path).expect("it is text"));
            }
        }
    }
    found
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// A file is a JSON Schema; whoever checks payloads by it.
#[track_caller]
fn json_schema(text: &str) -> jsonschema::Validator {
    let schema = json(text);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::draft202012::meta::is_valid(&schema), "{schema}");
    jsonschema::validator_for(&schema).expect("it can be used")
}

/// What is wrong with an AsyncAPI document, by the official schema.
fn mistakes(document: &Value) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/asyncapi/3.0.0.json");
    let official = json(&fs::read_to_string(path).expect("the official schema is there"));
    let official = jsonschema::validator_for(&official).expect("it is a schema");
    official.iter_errors(document).map(|error| error.to_string()).collect()
}

/// Whoever checks bodies by what an AsyncAPI document says of a message.
fn payloads_of(document: &Value, message: &str) -> jsonschema::Validator {
    assert!(document["components"]["messages"][message].is_object(), "no {message}: {document}");
    let mut schema = document.clone();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    let payload = format!("#/components/messages/{message}/payload");
    schema["allOf"] = serde_json::json!([{ "$ref": payload }]);
    jsonschema::draft7::new(&schema).expect("its references lead somewhere")
}

/// A broker that nobody reaches, and that says more about itself than it should.
struct Talkative;

#[async_trait]
impl Publisher for Talkative {
    fn broker(&self) -> &str {
        "nats://bank:hunter2@10.0.0.7:4222,nats://bank:hunter2@10.0.0.8:4222?token=hunter2"
    }

    async fn prepare(&self, _: &[Address]) -> Result<(), PublishError> {
        Err(PublishError::down("no route to it"))
    }

    async fn publish(&self, _: &Address, _: &Message) -> Result<Published, PublishError> {
        Err(PublishError::down("no route to it"))
    }
}

/// Waits for something that others do.
async fn within<T>(what: &str, wanted: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wanted).await.unwrap_or_else(|_| panic!("{what} never came"))
}

/// What the bank tells from its second version on.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "bank.account")]
enum NewerFact {
    /// Somebody became a customer.
    #[event(version = 2, upcast(1 = opened_v1))]
    Opened { name: String },
    /// Money came, or went.
    #[event(version = 2, upcast(1 = moved_v1))]
    Moved { cents: i64, currency: String },
}

fn opened_v1(mut old: Value) -> Value {
    serde_json::json!({ "name": old["owner"].take() })
}

#[derive(Deserialize, JsonSchema)]
struct MovedV1 {
    cents: i64,
}

#[derive(Serialize)]
struct MovedV2 {
    cents: i64,
    currency: &'static str,
}

fn moved_v1(old: MovedV1) -> MovedV2 {
    MovedV2 { cents: old.cents, currency: "EUR" }
}

/// The route of accounts in its second version.
struct NewerAccounts;

impl Route for NewerAccounts {
    type Event = AccountEvent;
    type Public = NewerFact;
    const NAME: &'static str = "accounts-out";
    const VERSION: u32 = 2;
    const ENVELOPE: Envelope = Envelope::CloudEventsBinary;

    fn source(&self) -> String {
        "/bank".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        vec![Address::new("accounts")]
    }

    fn publish(&self, _: &Recorded<AccountEvent>) -> Vec<NewerFact> {
        vec![]
    }
}

/// Another route, whose author calls something else by a name that is taken.
struct Audit;

/// What auditors are told.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "bank.account")]
enum AuditFact {
    /// Something moved.
    Moved { what: String },
}

impl Route for Audit {
    type Event = AccountEvent;
    type Public = AuditFact;
    const NAME: &'static str = "audit-out";

    fn source(&self) -> String {
        "/bank".to_owned()
    }

    fn places(&self) -> Vec<Address> {
        vec![Address::new("audit")]
    }

    fn publish(&self, _: &Recorded<AccountEvent>) -> Vec<AuditFact> {
        vec![]
    }
}
