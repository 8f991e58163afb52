//! A payload is checked before it is written.

use annals_core::{ExecuteError, SchemaError};

use super::{append, register};
use crate::bank::{Account, AccountEvent, Bank, ann};

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
