//! History in a SQLite file refuses whoever opens it with other tools, too (I3).

use annals::store::{Append, EventStore};
use annals::{ExpectedVersion, NewEvent, Payload, SqliteStore, StreamId};

#[tokio::test]
async fn nobody_changes_what_has_happened() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("history.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let stream = StreamId::new("order", 1).unwrap();
    for _ in 0..3 {
        let event = NewEvent::raw("order.placed", 1, Payload::parse("{}").unwrap());
        store.append(Append::to(stream.clone(), ExpectedVersion::Any, vec![event])).await.unwrap();
    }

    let raw = rusqlite::Connection::open(&file).unwrap();
    let columns = "position, stream, version, id, type, schema_version, slice, recorded_at, \
                   occurred_at, payload";
    let rest = "'forged', 1, 0, 0, 0, '{}'";
    let forgeries = [
        "UPDATE annals_events SET payload = '{}'".to_owned(),
        "DELETE FROM annals_events WHERE position = 3".to_owned(),
        // In place of an event, by its position, its id, its place in the stream.
        format!(
            "INSERT OR REPLACE INTO annals_events ({columns}) SELECT 2, 'a-1', 1, x'00', {rest}"
        ),
        format!(
            "INSERT OR REPLACE INTO annals_events ({columns}) SELECT 4, 'a-1', 1, id, {rest} FROM annals_events WHERE position = 2"
        ),
        format!(
            "INSERT OR REPLACE INTO annals_events ({columns}) SELECT 4, 'order-1', 2, x'00', {rest}"
        ),
        // With a hole in front of it.
        format!("INSERT INTO annals_events ({columns}) SELECT 9, 'a-1', 1, x'00', {rest}"),
    ];
    for forgery in forgeries {
        let error = raw.execute(&forgery, []).expect_err(&forgery).to_string();
        assert!(error.contains("history is append-only"), "`{forgery}`: {error}");
    }
    let count: i64 = raw
        .query_row("SELECT count(*) FROM annals_events WHERE type = 'order.placed'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(count, 3);
}
