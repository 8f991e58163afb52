//! I3: the database itself refuses to change what has happened, whoever asks.

use annals::ExpectedVersion;
use annals::store::{Append, EventStore};
use annals::{NewEvent, Payload, PgStore};
use annals_tests::ledger::whole_log;
use annals_tests::writer::stream;

use super::place::Place;

async fn append(store: &PgStore) {
    let event = NewEvent::raw("order.placed", 1, Payload::from_stored("{}"));
    let append = Append::to(stream("order", "1"), ExpectedVersion::Any, vec![event]);
    store.append(append).await.expect("an append without expectations succeeds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_changes_what_has_happened() {
    let place = Place::shared().await;
    let store = place.store().await;
    for _ in 0..3 {
        append(&store).await;
    }
    let before = whole_log(&*store).await;
    let (events, schema) = (place.name("events"), &place.schema);
    let forgeries = [
        format!("UPDATE {events} SET payload = '{{}}'"),
        format!("UPDATE {events} SET position = position + 10"),
        format!("DELETE FROM {events} WHERE position = 3"),
        format!("TRUNCATE {events}"),
        format!("TRUNCATE {events} CASCADE"),
        format!(
            "INSERT INTO {events} SELECT * FROM {events} WHERE position = 2
             ON CONFLICT (position) DO UPDATE SET payload = '{{}}'"
        ),
        format!("WITH gone AS (DELETE FROM {events} RETURNING 1) SELECT count(*) FROM gone"),
        format!("UPDATE {schema}.history SET type = 'forged'"),
        format!("DELETE FROM {schema}.history"),
        format!("INSERT INTO {events} SELECT * FROM {events} WHERE position = 2"),
    ];
    let client = place.client().await;
    for forgery in forgeries {
        let refused = client.batch_execute(&forgery).await;
        assert!(refused.is_err(), "`{forgery}` is refused");
    }
    assert_eq!(whole_log(&*store).await, before);

    let refused = client.batch_execute(&format!("DELETE FROM {events}")).await;
    let refused = refused.expect_err("as before");
    let said = refused.as_db_error().expect("the server says it").message();
    assert!(said.contains("history is append-only"), "{said}");
    append(&store).await;
}
