//! What a program declares is compared with what history was written with, before it starts.

use annals_core::store::SchemaStore;
use annals_core::{
    DecodeError, EncodeError, Event, EventDescriptor, Payload, SchemaError, Upcaster,
};

use super::{changed, described, first, first_orders, happened, register};
use super::{renamed, renamed_with_its_old_name, retired};
use crate::bank::Bank;

/// Version 3 with a step from 1 only. The derive refuses this, so it is written by hand.
struct Holed;

impl Event for Holed {
    fn descriptors() -> Vec<EventDescriptor> {
        const UPCASTERS: &[Upcaster] = &[Upcaster {
            from: 1,
            schema: || serde_json::json!(true),
            apply: |payload| Ok(payload.clone()),
        }];
        vec![EventDescriptor {
            event_type: "holed.happened",
            rust_name: "Holed",
            family: None,
            retired: &[],
            version: 3,
            schema: || serde_json::json!(true),
            upcasters: UPCASTERS,
            read: |version, payload| Holed::decode("holed.happened", version, payload).map(drop),
        }]
    }

    fn knows(event_type: &str) -> bool {
        event_type == "holed.happened"
    }

    fn event_type(&self) -> &'static str {
        "holed.happened"
    }

    fn schema_version(&self) -> u32 {
        3
    }

    fn encode(&self) -> Result<Payload, EncodeError> {
        Ok(Payload::from_stored("{}"))
    }

    fn decode(event_type: &str, _: u32, _: &str) -> Result<Self, DecodeError> {
        Err(DecodeError::unknown_type(event_type, "Holed"))
    }
}

#[tokio::test]
async fn a_changed_schema_under_the_same_version_does_not_start() {
    let mut bank = Bank::open();
    first_orders(&bank).await;
    register::<first::OrderEvent>(&bank).await.expect("repeating it is harmless");
    let before = bank.memory.schemas().await.expect("schemas can be read");
    let restarted = bank.another();

    let error = register::<changed::OrderEvent>(&restarted).await.expect_err("lines changed");

    match &error {
        SchemaError::Conflict { event_type, version, registered, declared, changes } => {
            assert_eq!((event_type.as_str(), *version), ("order.placed", 1));
            assert!(registered.contains("integer") && declared.contains("string"));
            assert!(changes.iter().all(|change| change.pointer == "/lines"), "{changes:?}");
        }
        other => panic!("the schema changed, and the answer is {other:?}"),
    }
    let message = error.to_string();
    assert!(message.contains("raise the version"), "{message}");
    assert!(
        message.contains(r#"at `/lines` `type` was `"integer"`, and is `"string"`"#),
        "{message}"
    );
    assert_eq!(bank.memory.schemas().await.expect("schemas can be read"), before);
}

#[tokio::test]
async fn changed_prose_is_no_changed_schema() {
    let mut bank = Bank::open();
    first_orders(&bank).await;
    register::<described::OrderEvent>(&bank.another()).await.expect("only comments changed");
}

#[tokio::test]
async fn a_renamed_variant_is_noticed_and_there_are_two_ways_out() {
    let mut bank = Bank::open();
    first_orders(&bank).await;

    let error = register::<renamed::OrderEvent>(&bank.another()).await;

    let error = error.expect_err("history holds order.cancelled");
    match &error {
        SchemaError::Vanished { event_type, family } => {
            assert_eq!((event_type.as_str(), family.as_str()), ("order.cancelled", "order"));
        }
        other => panic!("a name vanished, and the answer is {other:?}"),
    }
    let message = error.to_string();
    assert!(message.contains(r#"name = "order.cancelled""#), "{message}");
    assert!(message.contains(r#"retired("order.cancelled")"#), "{message}");
    assert!(message.contains("a newer program"), "{message}");
    let named = register::<renamed_with_its_old_name::OrderEvent>(&bank.another()).await;
    named.expect("the old name is declared");
    register::<retired::OrderEvent>(&bank.another()).await.expect("it was on purpose");
}

/// A projection that wants one of the two.
mod some {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum Placed {
        Placed { lines: u32 },
    }

    /// The way without the whole enum.
    #[derive(annals_core::Event)]
    #[event(crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum NamedPlaced {
        #[event(name = "order.placed")]
        Placed { lines: u32 },
    }
}

#[tokio::test]
async fn an_enum_of_some_variants_stands_beside_the_whole_or_names_them_itself() {
    let mut bank = Bank::open();
    first_orders(&bank).await;
    let whole = bank.another();
    register::<first::OrderEvent>(&whole).await.expect("nothing changed");
    register::<some::Placed>(&whole).await.expect("the whole enum is there");

    let alone = bank.another();
    let error = register::<some::Placed>(&alone).await.expect_err("order.cancelled is missing");
    let message = error.to_string();
    assert!(
        message.contains(r#"leave out `prefix` and give each variant `#[event(name = "#),
        "{message}"
    );
    register::<some::NamedPlaced>(&alone).await.expect("what the message says works");
}

#[tokio::test]
async fn a_hole_in_the_chain_of_upcasters_does_not_start() {
    let bank = Bank::open();
    let error = register::<Holed>(&bank).await.expect_err("nothing leads from 2 to 3");
    let hole = SchemaError::MissingUpcaster {
        event_type: "holed.happened".to_owned(),
        rust_name: "Holed".to_owned(),
        from: 2,
        newest: 3,
    };
    assert_eq!(error, hole);
    assert!(bank.memory.schemas().await.expect("schemas can be read").is_empty());
}

#[tokio::test]
async fn two_types_cannot_claim_one_name_unless_they_say_the_same() {
    let bank = Bank::open();
    register::<first::OrderEvent>(&bank).await.expect("the types hold together");
    register::<described::OrderEvent>(&bank).await.expect("they say the same");
    match register::<changed::OrderEvent>(&bank).await {
        Err(SchemaError::DeclaredTwice { event_type, first, second }) => {
            assert_eq!(event_type, "order.placed");
            assert_eq!(
                (first.as_str(), second.as_str()),
                ("OrderEvent::Placed", "OrderEvent::Placed")
            );
        }
        other => panic!("order.placed is declared twice, and the answer is {other:?}"),
    }
}

mod union {
    #[derive(annals_core::Event)]
    #[event(transparent, crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum Everything {
        First(super::first::OrderEvent),
        Changed(super::changed::OrderEvent),
    }

    #[derive(annals_core::Event)]
    #[event(transparent, crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum Twice {
        First(super::first::OrderEvent),
        Described(super::described::OrderEvent),
    }
}

#[tokio::test]
async fn two_schemas_under_one_name_inside_a_union_are_refused() {
    let bank = Bank::open();
    let error = register::<union::Everything>(&bank).await.expect_err("order.placed is two things");
    let twice = matches!(&error, SchemaError::DeclaredTwice { event_type, .. } if event_type == "order.placed");
    assert!(twice, "{error:?}");
    assert!(bank.memory.schemas().await.expect("schemas can be read").is_empty());
    register::<union::Twice>(&bank).await.expect("they say the same");
}

mod on_json {
    use super::*;

    /// Reads version 1 of `order.placed` as plain JSON, which says nothing about its shape.
    #[derive(Event, Debug, PartialEq)]
    #[event(name = "order.placed", version = 2, upcast(1 = count_lines), crate = annals_core)]
    pub(super) struct OrderPlaced {
        pub(super) count: u64,
    }

    fn count_lines(old: serde_json::Value) -> serde_json::Value {
        serde_json::json!({ "count": old["lines"].as_array().map_or(0, Vec::len) })
    }
}

#[tokio::test]
async fn an_upcaster_on_json_leaves_the_word_to_who_wrote_the_version() {
    let mut bank = Bank::open();
    first_orders(&bank).await;
    let stored = bank.memory.schemas().await.expect("schemas can be read");
    let restarted = bank.another();
    register::<on_json::OrderPlaced>(&restarted).await.expect("version 1 stands as it was");
    happened::<on_json::OrderPlaced>(&restarted, "order.placed", r#"{"lines":[]}"#).await;
    let now = bank.memory.schemas().await.expect("schemas can be read");
    assert_eq!(now, stored, "what says nothing of version 1 changes nothing of it");
}

/// Somebody renamed the prefix, and nothing else.
mod prefix_renamed {
    #[derive(annals_core::Event)]
    #[event(prefix = "purchase", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum PurchaseEvent {
        Placed { lines: u32 },
        Cancelled { reason: String },
        Paid { cents: u64 },
    }
}

/// Another aggregate, which has one name in common.
mod something_else {
    #[derive(annals_core::Event)]
    #[event(prefix = "refund", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum RefundEvent {
        Placed { lines: u32 },
        Cancelled { code: u16 },
    }
}

#[tokio::test]
async fn a_renamed_prefix_is_noticed() {
    let mut bank = Bank::open();
    first_orders(&bank).await;
    let restarted = bank.another();
    register::<prefix_renamed::PurchaseEvent>(&restarted).await.expect("it may be another service");
    let found = restarted.journal.renamed_families().await.expect("the store can be read");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].declared.as_str(), found[0].stored.as_str()), ("purchase", "order"));
    assert_eq!(found[0].event_types, ["order.cancelled", "order.placed"]);
    let message = found[0].to_string();
    assert!(message.contains(r#"`#[event(prefix = "order")]`"#), "{message}");
}

#[tokio::test]
async fn what_is_declared_or_differs_is_no_renamed_prefix() {
    let mut bank = Bank::open();
    first_orders(&bank).await;
    let both = bank.another();
    register::<prefix_renamed::PurchaseEvent>(&both).await.expect("nothing is registered");
    register::<first::OrderEvent>(&both).await.expect("nothing changed");
    assert_eq!(both.journal.renamed_families().await.expect("the store can be read"), []);
    let other = bank.another();
    register::<something_else::RefundEvent>(&other).await.expect("nothing is registered");
    assert_eq!(other.journal.renamed_families().await.expect("the store can be read"), []);
    let written = bank.another();
    happened::<prefix_renamed::PurchaseEvent>(&written, "purchase.placed", r#"{"lines":3}"#).await;
    assert_eq!(written.journal.renamed_families().await.expect("the store can be read"), []);
}

#[tokio::test]
async fn a_program_starts_with_a_part_before_the_whole_and_says_what_looks_renamed() {
    let bank = Bank::open();
    first_orders(&bank).await;
    let heard = Heard::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::layer::SubscriberExt::with(
        tracing_subscriber::registry(),
        heard.clone(),
    ));
    let builder = || annals::Annals::on_shared(bank.memory.clone());
    let parts = builder().events::<some::Placed>().events::<first::OrderEvent>().start().await;
    parts.expect("the whole enum comes after the part").shutdown().await;
    assert_eq!(heard.warnings(), Vec::<String>::new());
    let renamed = builder().events::<prefix_renamed::PurchaseEvent>().start().await;
    renamed.expect("it may be another service").shutdown().await;
    let warnings = heard.warnings();
    assert!(warnings.iter().any(|warning| warning.contains("order.placed")), "{warnings:?}");
}

/// The warnings of this thread.
#[derive(Clone, Default)]
struct Heard(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Heard {
    fn warnings(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics here").clone()
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Heard {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{value:?}"));
            }
        }
        if *event.metadata().level() == tracing::Level::WARN {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().expect("nobody panics here").push(message.0);
        }
    }
}
