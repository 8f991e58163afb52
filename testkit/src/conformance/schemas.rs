//! I10: what history was written with is remembered for ever.

use annals_core::RegisteredSchema;
use annals_core::store::Store;

use super::Subject;

fn schema(event_type: &str, version: u32, family: Option<&str>, text: &str) -> RegisteredSchema {
    RegisteredSchema {
        event_type: event_type.to_owned(),
        version,
        family: family.map(str::to_owned),
        schema: text.to_owned(),
    }
}

async fn all(store: &dyn Store) -> Vec<RegisteredSchema> {
    store.schemas().await.expect("schemas can be read")
}

async fn register(store: &dyn Store, schemas: &[RegisteredSchema]) {
    store.register_schemas(schemas).await.expect("schemas can be registered");
}

/// Whatever the order they came in; version 10 comes after version 9.
pub async fn schemas_come_back_by_type_and_version(subject: Subject) {
    let store = &*subject.store;
    assert_eq!(all(store).await, []);
    register(store, &[]).await;
    let placed = schema("order.placed", 1, None, r#"{"type":"object"}"#);
    let closed = |version| schema("account.closed", version, Some("account"), "true");
    register(store, &[placed.clone(), closed(10), closed(9)]).await;
    register(store, &[closed(1)]).await;
    assert_eq!(all(store).await, [closed(1), closed(9), closed(10), placed]);
}

/// The first stays; what is new in the same call is added.
pub async fn a_registered_schema_is_never_overwritten(subject: Subject) {
    let store = &*subject.store;
    let first = schema("account.opened", 1, Some("account"), r#"{"type":"object"}"#);
    register(store, std::slice::from_ref(&first)).await;
    let other = schema("account.opened", 1, None, r#"{"type":"string"}"#);
    let new = schema("account.opened", 2, Some("account"), "true");
    register(store, &[other, new.clone()]).await;
    assert_eq!(all(store).await, [first, new]);
}

/// Compare and set: whoever read an older text changes nothing.
pub async fn a_schema_is_widened_from_the_text_that_was_read(subject: Subject) {
    let store = &*subject.store;
    let first = schema("account.opened", 1, Some("account"), r#"{"enum":["a"]}"#);
    let other = schema("account.opened", 2, Some("account"), r#"{"enum":["a"]}"#);
    register(store, &[first.clone(), other.clone()]).await;
    let widen = async |known: &RegisteredSchema, wider: &str| {
        store.widen_schema(known, wider).await.expect("schemas can be widened")
    };
    assert!(widen(&first, r#"{"enum":["a","b"]}"#).await);
    assert!(!widen(&first, r#"{"enum":["a","c"]}"#).await, "it is not what stands there");
    let unknown = schema("account.closed", 1, None, "true");
    assert!(!widen(&unknown, "true").await, "nothing is there to be widened");
    let wider = schema("account.opened", 1, Some("account"), r#"{"enum":["a","b"]}"#);
    assert_eq!(all(store).await, [wider.clone(), other]);
    assert!(widen(&wider, r#"{"enum":["a","b","c"]}"#).await);
}

/// Of many that widen one text at once, one does.
pub async fn of_programs_that_widen_at_once_one_does(subject: Subject) {
    let known = schema("account.opened", 1, Some("account"), "0");
    register(&*subject.store, std::slice::from_ref(&known)).await;
    let attempts = (1..=8).map(|wider| {
        let (store, known) = (subject.store.clone(), known.clone());
        tokio::spawn(async move { store.widen_schema(&known, &wider.to_string()).await })
    });
    let mut done = Vec::new();
    for (attempt, wider) in attempts.collect::<Vec<_>>().into_iter().zip(1..) {
        if attempt.await.expect("no panic").expect("schemas can be widened") {
            done.push(wider.to_string());
        }
    }
    let stored = all(&*subject.store).await;
    assert_eq!(done, [stored[0].schema.clone()]);
}

/// As durable as the events.
pub async fn schemas_survive_reopening(subject: Subject) {
    let one = schema("account.opened", 1, Some("account"), r#"{"type":"object"}"#);
    register(&*subject.store, std::slice::from_ref(&one)).await;
    let Some(subject) = subject.reopen().await else { return };
    assert_eq!(all(&*subject.store).await, [one]);
}
