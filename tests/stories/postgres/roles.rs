//! Three roles: one owns the schema and migrates, one writes, one reads. None of the latter two can
//! change what has happened, or the tables (I3).

use annals::ExpectedVersion;
use annals::store::{Append, EventStore, StoreError};
use annals::{NewEvent, Payload, PgOptions, PgStore};
use annals_tests::ledger::whole_log;
use annals_tests::postgres::{Server, connect};
use annals_tests::writer::stream;

fn append() -> Append {
    let event = NewEvent::raw("order.placed", 1, Payload::from_stored("{}"));
    Append::to(stream("order", "1"), ExpectedVersion::Any, vec![event])
}

fn url(server: &Server, role: &str) -> String {
    server.url().replace("annals@", &format!("{role}@"))
}

async fn open(server: &Server, role: &str, migrate: bool) -> Result<PgStore, StoreError> {
    let options = PgOptions::parse(&url(server, role)).expect("the URL is ours");
    PgStore::connect_with(options.schema("bank").expect("a plain name").migrate(migrate)).await
}

/// What the owner grants.
const GRANTS: &str = "
    GRANT USAGE ON SCHEMA bank TO writer, reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA bank TO writer, reader;
    GRANT INSERT ON bank.events TO writer;
    GRANT INSERT, UPDATE, DELETE ON bank.commands, bank.schemas, bank.snapshots,
          bank.checkpoints, bank.state TO writer;
    GRANT INSERT, UPDATE, DELETE ON bank.annals_consumers, bank.annals_members,
          bank.annals_partitions, bank.annals_parked_keys, bank.annals_parked_items,
          bank.annals_inbox, bank.annals_timers, bank.annals_requests TO writer;
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_can_do_more_than_they_have_to() {
    let server = Server::start().await;
    for role in ["owner", "writer", "reader"] {
        server.psql(&format!("CREATE ROLE {role} LOGIN")).await;
    }
    server.psql("GRANT CREATE ON DATABASE postgres TO owner").await;

    let refused = open(&server, "writer", true).await.map(drop);
    assert!(matches!(refused, Err(StoreError::ReadOnly { .. })), "no schema: {refused:?}");
    let owner = open(&server, "owner", true).await.expect("the owner migrates");
    owner.append(append()).await.expect("the owner appends");
    connect(&url(&server, "owner")).await.batch_execute(GRANTS).await.expect("the owner grants");

    let writer = open(&server, "writer", false).await.expect("there is nothing to migrate");
    writer.append(append()).await.expect("the writer appends");
    let again = append();
    for repeated in [false, true] {
        let appended = writer.append(again.clone()).await.expect("the writer appends");
        assert_eq!(appended.repeated, repeated);
    }

    let reader = open(&server, "reader", false).await.expect("there is nothing to migrate");
    assert_eq!(whole_log(&reader).await.len(), 3);
    let refused = reader.append(append()).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly { .. })), "{refused:?}");

    for role in ["writer", "reader"] {
        let client = connect(&url(&server, role)).await;
        for forgery in [
            "UPDATE bank.events SET payload = '{}'",
            "DELETE FROM bank.events",
            "TRUNCATE bank.events",
            "DROP TABLE bank.events",
            "ALTER TABLE bank.events DISABLE TRIGGER ALL",
            "ALTER TABLE bank.events ADD COLUMN forged text",
            "DROP SCHEMA bank CASCADE",
            "DELETE FROM bank.migrations",
            "UPDATE bank.migrations SET checksum = ''",
            "CREATE TABLE bank.mine (n int)",
        ] {
            let refused = client.batch_execute(forgery).await;
            let refused = refused.expect_err(&format!("`{forgery}` by the {role}"));
            let denied =
                refused.code() == Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE);
            assert!(denied, "`{forgery}` by the {role}: {refused:?}");
        }
    }
    assert_eq!(whole_log(&reader).await.len(), 3);
}
