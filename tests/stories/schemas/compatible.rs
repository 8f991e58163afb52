//! What is compatible needs no version and no upcaster, and hurts nobody who starts.

use annals_core::store::SchemaStore;
use annals_core::{DecodeError, Event, JournalError, SchemaError};
use annals_testkit::Operation;

use super::{happened, register, write};
use crate::bank::Bank;

macro_rules! program {
    ($(#[$about:meta])* $name:ident, $($impact:ident)*; $($field:ident: $ty:ty),*) => {
        $(#[$about])*
        mod $name {
            use serde::{Deserialize, Serialize};

            #[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
            pub(super) enum Impact { $($impact),* }

            #[derive(annals_core::Event, Debug, PartialEq)]
            #[event(prefix = "incident", crate = annals_core)]
            pub(super) enum IncidentEvent {
                Reported { impact: Impact, $($field: $ty),* },
            }
        }
    };
}

program!(
    /// The program that wrote the first events.
    old, Low High;
);
program!(
    /// One variant and one optional field more.
    new, Low Critical High; by: Option<String>
);
program!(
    /// Somebody else added another field at the same time.
    other, Low High; place: Option<String>
);
program!(
    /// A field that old events lack.
    strict, Low High; by: String
);

const LOW: &str = r#"{"impact":"Low"}"#;
const CRITICAL: &str = r#"{"impact":"Critical","by":"ann"}"#;

async fn schema(bank: &Bank) -> String {
    let mut stored = bank.memory.schemas().await.expect("schemas can be read");
    stored.remove(0).schema
}

#[tokio::test]
async fn an_optional_field_and_a_variant_more_need_no_version() {
    let mut bank = Bank::open();
    happened::<old::IncidentEvent>(&bank, "incident.reported", LOW).await;
    let narrow = schema(&bank).await;
    let newer = bank.another();

    register::<new::IncidentEvent>(&newer).await.expect("it reads all that was written");
    assert_eq!(schema(&bank).await, narrow, "a start changes nothing");
    write(&newer, "incident.reported", CRITICAL).await.expect("it fits its own schema");
    let wide = schema(&bank).await;
    assert!(wide.contains("Critical") && wide.contains("by"), "{wide}");

    let read = |payload| new::IncidentEvent::decode("incident.reported", 1, payload);
    let first = new::IncidentEvent::Reported { impact: new::Impact::Low, by: None };
    assert_eq!(read(LOW).expect("old events are readable"), first);
}

#[tokio::test]
async fn the_older_program_still_starts_writes_and_never_narrows() {
    let mut bank = Bank::open();
    happened::<old::IncidentEvent>(&bank, "incident.reported", LOW).await;
    happened::<new::IncidentEvent>(&bank.another(), "incident.reported", CRITICAL).await;
    let wide = schema(&bank).await;

    let restarted = bank.another();
    happened::<old::IncidentEvent>(&restarted, "incident.reported", LOW).await;

    assert_eq!(schema(&bank).await, wide);
}

/// What docs say of a program that is still running: new fields are passed over, an event with the
/// new variant is an error of the reader.
#[test]
fn what_the_older_program_reads_of_the_newer() {
    let read = |payload| old::IncidentEvent::decode("incident.reported", 1, payload);
    let known = read(r#"{"impact":"Low","by":"ann"}"#).expect("a field it does not know");
    assert_eq!(known, old::IncidentEvent::Reported { impact: old::Impact::Low });
    let error = read(CRITICAL).expect_err("a variant it does not know");
    assert!(matches!(error, DecodeError::Payload { .. }), "{error:?}");
}

#[tokio::test]
async fn a_required_field_more_is_refused_and_named() {
    let mut bank = Bank::open();
    happened::<old::IncidentEvent>(&bank, "incident.reported", LOW).await;
    let error = register::<strict::IncidentEvent>(&bank.another()).await;
    let message = error.expect_err("old events lack the field").to_string();
    assert!(message.contains("at `/by` is a new field, and required"), "{message}");
    assert!(message.contains("raise the version and add an upcaster"), "{message}");
}

#[tokio::test]
async fn two_programs_that_widen_apart_do_not_start_together() {
    let mut bank = Bank::open();
    happened::<old::IncidentEvent>(&bank, "incident.reported", LOW).await;
    happened::<new::IncidentEvent>(&bank.another(), "incident.reported", CRITICAL).await;
    let error = register::<other::IncidentEvent>(&bank.another()).await;
    assert!(matches!(error, Err(SchemaError::Conflict { .. })), "{error:?}");
}

#[tokio::test]
async fn of_two_that_widen_at_once_the_second_hears_of_the_first() {
    let mut slow = Bank::open();
    happened::<old::IncidentEvent>(&slow, "incident.reported", LOW).await;
    let (fast, mut slow) = (slow.another(), slow.another());
    register::<other::IncidentEvent>(&slow).await.expect("it widens");
    register::<new::IncidentEvent>(&fast).await.expect("it widens");
    let mut held = slow.faults().hold(Operation::WidenSchema, 1);
    let watching = slow.another();
    let writing = tokio::spawn(async move {
        let payload = r#"{"impact":"Low","place":"hall"}"#;
        write(&slow, "incident.reported", payload).await
    });
    held.reached().await;
    write(&fast, "incident.reported", CRITICAL).await.expect("it is the first");
    let wide = schema(&fast).await;
    held.release();

    let result = writing.await.expect("no panic");

    assert!(
        matches!(result, Err(JournalError::Schema(SchemaError::Conflict { .. }))),
        "{result:?}"
    );
    assert_eq!(schema(&watching).await, wide, "nobody narrows it");
    assert_eq!(watching.stored().await.len(), 2);
}
