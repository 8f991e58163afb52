//! I10: no event without a schema.

use annals_core::store::{Append, SchemaStore};
use annals_core::{
    DecodeError, EncodeError, Event, EventDescriptor, ExecuteError, ExpectedVersion, JournalError,
    NewEvent, Payload, RegisterError, SchemaError, StreamId, Upcaster,
};
use annals_testkit::Operation;

use crate::bank::{Account, AccountEvent, Bank, ann};

/// The first program.
mod first {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed { lines: u32 },
        Cancelled { reason: String },
    }
}

/// Somebody changed a field's type and kept the version.
mod changed {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed { lines: String },
        Cancelled { reason: String },
    }
}

/// Somebody renamed a variant.
mod renamed {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed { lines: u32 },
        Withdrawn { reason: String },
    }
}

/// The way out after renaming: the old name stays.
mod renamed_with_its_old_name {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed {
            lines: u32,
        },
        #[event(name = "order.cancelled")]
        Withdrawn {
            reason: String,
        },
    }
}

/// The way out after removing: it was on purpose.
mod retired {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", retired("order.cancelled"), crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed { lines: u32 },
    }
}

/// Only prose differs from the first.
mod described {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        /// An order came in.
        Placed {
            /// How many lines it has.
            lines: u32,
        },
        Cancelled {
            reason: String,
        },
    }
}

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

async fn append(bank: &Bank, event_type: &str, version: u32, payload: &str) -> SchemaError {
    let good = NewEvent::raw("account.opened", 1, Payload::from_stored(r#"{"owner":"ann"}"#));
    let event = NewEvent::raw(event_type, version, Payload::from_stored(payload));
    let stream = StreamId::parse("account-ann").expect("a stream name");
    let append = Append::to(stream, ExpectedVersion::Any, vec![good, event]);
    let result = bank.journal.append(append).await;
    assert!(bank.stored().await.is_empty(), "nothing is written, the good event neither");
    match result {
        Err(JournalError::Schema(error)) => error,
        other => panic!("the schema refuses, and the answer is {other:?}"),
    }
}

async fn register<E: Event>(bank: &Bank) -> Result<(), SchemaError> {
    match bank.journal.register::<E>().await {
        Ok(()) => Ok(()),
        Err(RegisterError::Schema(error)) => Err(error),
        Err(error) => panic!("the store works, and the answer is {error:?}"),
    }
}

#[tokio::test]
async fn a_payload_that_does_not_fit_is_refused_and_the_place_is_named() {
    let bank = Bank::open();
    register::<AccountEvent>(&bank).await.expect("the types hold together");
    for (payload, pointer, reason) in [
        (r#"{"owner":5}"#, "/owner", "string"),
        ("{}", "/", "owner"),
        ("[]", "/", "object"),
        ("{", "/", "JSON"),
    ] {
        match append(&bank, "account.opened", 1, payload).await {
            SchemaError::Violation(violation) => {
                assert_eq!(
                    (violation.event_type.as_str(), violation.version),
                    ("account.opened", 1)
                );
                assert_eq!(violation.pointer, pointer, "{payload}");
                assert!(violation.reason.contains(reason), "{payload}: {violation}");
            }
            other => panic!("the payload {payload} does not fit, and the answer is {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_violation_does_not_repeat_what_may_be_personal() {
    let bank = Bank::open();
    register::<AccountEvent>(&bank).await.expect("the types hold together");
    let payload = r#"{"cents":"ann's secret"}"#;
    let error = append(&bank, "account.deposited", 1, payload).await;
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_typed_event_can_break_its_schema_too() {
    let bank = Bank::open();
    let result = bank.journal.execute(&ann(), |account: &Account| account.deposit(-5)).await;
    match result {
        Err(ExecuteError::Schema(SchemaError::Violation(violation))) => {
            assert_eq!(violation.pointer, "/cents");
        }
        other => panic!("a deposit has one cent at least, and the answer is {other:?}"),
    }
    assert!(bank.stored().await.is_empty());
    assert_eq!(bank.deposit(5).await.version.get(), 1, "the next command is not hurt");
}

#[tokio::test]
async fn a_type_or_version_nobody_registered_is_refused() {
    let bank = Bank::open();
    register::<AccountEvent>(&bank).await.expect("the types hold together");
    for (event_type, version) in
        [("account.frozen", 1), ("account.opened", 2), ("account.opened", 0)]
    {
        match append(&bank, event_type, version, r#"{"owner":"ann"}"#).await {
            SchemaError::Unregistered { event_type: named, version: at } => {
                assert_eq!((named.as_str(), at), (event_type, version));
            }
            other => panic!("nobody registered {event_type}, and the answer is {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_changed_schema_under_the_same_version_does_not_start() {
    let mut bank = Bank::open();
    register::<first::OrderEvent>(&bank).await.expect("the types hold together");
    register::<first::OrderEvent>(&bank).await.expect("repeating it is harmless");
    let before = bank.memory.schemas().await.expect("schemas can be read");
    let restarted = bank.another();

    let error = register::<changed::OrderEvent>(&restarted).await.expect_err("lines changed");

    match &error {
        SchemaError::Conflict { event_type, version, registered, declared } => {
            assert_eq!((event_type.as_str(), *version), ("order.placed", 1));
            assert!(registered.contains("integer") && declared.contains("string"));
        }
        other => panic!("the schema changed, and the answer is {other:?}"),
    }
    assert!(error.to_string().contains("raise the version"), "{error}");
    assert_eq!(bank.memory.schemas().await.expect("schemas can be read"), before);
}

#[tokio::test]
async fn changed_prose_is_no_changed_schema() {
    let mut bank = Bank::open();
    register::<first::OrderEvent>(&bank).await.expect("the types hold together");
    register::<described::OrderEvent>(&bank.another()).await.expect("only comments changed");
}

#[tokio::test]
async fn a_renamed_variant_is_noticed_and_there_are_two_ways_out() {
    let mut bank = Bank::open();
    register::<first::OrderEvent>(&bank).await.expect("the types hold together");

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
    let named = register::<renamed_with_its_old_name::OrderEvent>(&bank.another()).await;
    named.expect("the old name is declared");
    register::<retired::OrderEvent>(&bank.another()).await.expect("it was on purpose");
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

#[tokio::test]
async fn of_two_processes_that_register_at_once_the_second_hears_of_the_first() {
    let mut slow = Bank::open();
    let fast = slow.another();
    let mut held = slow.faults().hold(Operation::RegisterSchemas, 1);
    let registering = tokio::spawn({
        let journal = slow.journal.clone();
        async move { journal.register::<changed::OrderEvent>().await }
    });
    held.reached().await;
    register::<first::OrderEvent>(&fast).await.expect("it is the first");
    held.release();

    let result = registering.await.expect("no panic");

    let conflict = matches!(result, Err(RegisterError::Schema(SchemaError::Conflict { .. })));
    assert!(conflict, "{result:?}");
}

#[tokio::test]
async fn what_was_refused_at_registration_cannot_be_appended() {
    let mut bank = Bank::open();
    register::<first::OrderEvent>(&bank).await.expect("the types hold together");
    let restarted = bank.another();
    assert!(register::<changed::OrderEvent>(&restarted).await.is_err());

    let event = NewEvent::raw("order.placed", 1, Payload::from_stored(r#"{"lines":"three"}"#));
    let stream = StreamId::parse("order-1").expect("a stream name");
    let append = Append::to(stream, ExpectedVersion::Any, vec![event]);
    let result = restarted.journal.append(append).await;

    assert!(matches!(result, Err(JournalError::Schema(_))), "{result:?}");
    assert!(bank.stored().await.is_empty());
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
    register::<first::OrderEvent>(&bank).await.expect("the types hold together");
    let stored = bank.journal.store().schemas().await.expect("schemas can be read");
    let restarted = bank.another();
    register::<on_json::OrderPlaced>(&restarted).await.expect("version 1 stands as it was");
    let now = restarted.journal.store().schemas().await.expect("schemas can be read");
    assert!(stored.iter().all(|schema| now.contains(schema)), "version 1 is not overwritten");
    assert_eq!(now.len(), stored.len() + 1, "version 2 is registered beside it");
}
