//! Each statement uses the index that is meant for it.

use std::path::Path;

use tokio_postgres::Client;

use super::place::Place;

/// Statement, the types of its parameters, and the index that its plan names.
const MEANT: &[(&str, &str, &str)] = &[
    ("find_commands", "text[]", "commands_pkey"),
    ("find_events", "uuid[]", "events_by_id"),
    ("forget_commands", "timestamptz, bigint", "commands_by_time"),
    ("list_streams", "text, text, bigint", "events_by_stream"),
    ("lock_checkpoint", "text", "checkpoints_pkey"),
    ("read_checkpoint", "text", "checkpoints_pkey"),
    ("read_clock", "", "events_pkey"),
    ("read_end", "timestamptz", "events_pkey"),
    ("read_event", "uuid", "events_by_id"),
    ("read_head", "", "events_pkey"),
    ("read_log", "bigint, bigint, bigint", "events_pkey"),
    (
        "read_log_filtered",
        "bigint, bigint, bigint, text[], text[], smallint, smallint",
        "events_pkey",
    ),
    ("read_snapshot", "text, text", "snapshots_pkey"),
    ("read_state", "text", "state_pkey"),
    ("read_stream_backward", "text, bigint, bigint, bigint", "events_by_stream"),
    ("read_stream_forward", "text, bigint, bigint, bigint", "events_by_stream"),
    ("remove_checkpoint", "text", "checkpoints_pkey"),
    ("stood_at", "text[], bigint[]", "events_by_stream"),
    ("stream_ends", "text[]", "events_by_stream"),
    ("visit_stream", "text, bigint, bigint", "events_by_stream"),
];

/// Statements without a plan to choose: they insert by key, take a lock, call a function, or read a
/// list whole.
const NOTHING_TO_CHOOSE: &[&str] = &[
    "advance_checkpoint",
    "append_batch",
    "append_one",
    "copy_events",
    "count_events",
    "create_migrations",
    "fence_checkpoint",
    "find_indexes",
    "find_table",
    "insert_command",
    "insert_events",
    "insert_migration",
    "insert_schemas",
    "list_indexes",
    "list_migrations",
    "list_tables",
    "list_transactions",
    "list_triggers",
    "lock_log",
    "lock_name",
    "log_holder",
    "notify",
    "read_grants",
    "read_migrations",
    "read_schemas",
    "read_server",
    "relation_holder",
    "view_fits",
    "widen_schema",
    "write_checkpoint",
    "write_snapshot",
    "write_state",
];

/// Tables large enough for a plan to matter.
const ROWS: &str = "
    INSERT INTO annals.events
    SELECT n, n / 1000, now(), now(), gen_random_uuid(), 1, n % 1024, 'account.moved', '{}',
           'account-' || n % 1000, NULL FROM generate_series(1, 20000) n;
    INSERT INTO annals.commands
    SELECT 'key-' || n, 'account-1', 0, 1, n, now() + n * interval '1 second'
    FROM generate_series(1, 5000) n;
    INSERT INTO annals.checkpoints SELECT 'name-' || n, n FROM generate_series(1, 5000) n;
    INSERT INTO annals.snapshots SELECT 'account-' || n, 'account', 1, n, 1, '{}'
    FROM generate_series(1, 5000) n;
    INSERT INTO annals.state SELECT 'key-' || n, '{}' FROM generate_series(1, 5000) n;
    SET plan_cache_mode = force_generic_plan";

const ANALYZE: &str = "
    DEALLOCATE ALL;
    ANALYZE annals.events, annals.commands, annals.checkpoints, annals.snapshots,
            annals.state";

/// Statements that read what an index has in order.
const IN_ORDER: [&str; 7] = [
    "read_end",
    "read_head",
    "read_log",
    "read_log_filtered",
    "read_stream_backward",
    "read_stream_forward",
    "visit_stream",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_uses_its_index() {
    let place = Place::shared().await;
    let _store = place.store().await;
    let client = place.client().await;
    // Which columns a plan fetches does not change it.
    let here = |sql: &str| {
        sql.replace("annals.", &format!("{}.", place.schema)).replace("{event_columns}", "*")
    };
    client.batch_execute(&here(ROWS)).await.expect("the tables take rows");
    // Tables that were just filled have no statistics yet, and logs grow in one go by imports.
    let seen = plans_are_meant(&client, &here, |name| IN_ORDER.contains(&name)).await;
    assert_eq!(seen, IN_ORDER.len());
    client.batch_execute(&here(ANALYZE)).await.expect("the tables are there");
    let seen = plans_are_meant(&client, &here, |_| true).await;
    assert_eq!(seen, MEANT.len(), "every statement that looks for something is there");
}

/// In brackets, unless it is empty.
fn list(members: &str) -> String {
    if members.is_empty() { String::new() } else { format!("({members})") }
}

/// Looks at the plans of these statements. Returns how many there are.
async fn plans_are_meant(
    client: &Client,
    here: &impl Fn(&str) -> String,
    wanted: impl Fn(&str) -> bool,
) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store-pg/sql/statements");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).expect("the statements are there") {
        let file = file.expect("the folder can be read").path();
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a plain name");
        if NOTHING_TO_CHOOSE.contains(&name) || !wanted(name) {
            continue;
        }
        let meant = MEANT.iter().find(|(statement, _, _)| *statement == name);
        let (_, types, index) = meant.unwrap_or_else(|| panic!("which index is for {name}?"));
        let sql = here(&std::fs::read_to_string(&file).expect("a text"));
        client
            .batch_execute(&format!("PREPARE \"{name}\" {} AS {sql}", list(types)))
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let nulls = types.split(", ").map(|one| if one.is_empty() { "" } else { "NULL" });
        let nulls = list(&nulls.collect::<Vec<_>>().join(", "));
        let plan = client
            .simple_query(&format!("EXPLAIN EXECUTE \"{name}\" {nulls}"))
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let plan = format!("{plan:?}");
        assert!(plan.contains(index), "{name} without {index}: {plan}");
        assert!(!plan.contains("Seq Scan on events"), "{name}: {plan}");
        assert!(!IN_ORDER.contains(&name) || !plan.contains("Sort"), "{name}: {plan}");
        seen += 1;
    }
    seen
}
