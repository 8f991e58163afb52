//! Each statement uses the index that is meant for it.

use rusqlite::Connection;

use crate::migrate::migrate;
use crate::options::SqliteOptions;
use crate::statements;

/// What the plan of a statement says, or `None` where reading everything is the point: tables of
/// one row, and lists that are read whole.
fn meant(statement: &str) -> Option<&'static str> {
    Some(match statement {
        "read_stream_forward" | "read_stream_backward" | "visit_start" | "visit_stream" => {
            "USING INDEX annals_events_by_stream"
        }
        "stream_version" | "find_position" | "stood_at" => {
            "USING COVERING INDEX annals_events_by_stream"
        }
        "read_end" => "SCAN annals_events",
        // `max` of a primary key is a look at its end.
        "read_head" => "SEARCH annals_events",
        "list_streams" => "COVERING INDEX annals_events_by_stream",
        "find_event" | "read_event" => "USING INDEX annals_events_by_id",
        "read_log" => "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        "forget_commands" => "annals_commands_by_time (recorded_at<?)",
        "find_command" | "read_state" => "USING PRIMARY KEY (key=?)",
        "read_snapshot" => "USING PRIMARY KEY (stream=? AND state=?)",
        "read_checkpoint" | "remove_checkpoint" | "advance_checkpoint" => {
            "USING PRIMARY KEY (name=?)"
        }
        _ => return None,
    })
}

#[test]
fn every_statement_uses_its_index() {
    let mut connection = Connection::open_in_memory().expect("a database in memory opens");
    migrate(&mut connection, &SqliteOptions::new("plans")).expect("the migrations are good");
    let mut checked = 0;
    for (name, sql) in statements::all() {
        let Some(meant) = meant(name) else { continue };
        let plan = plan(&connection, sql);
        assert!(plan.contains(meant), "{name}: `{plan}` instead of `{meant}`");
        // A scan from the end that stops at the first row, and one of the names found so far.
        assert!(
            ["read_end", "list_streams"].contains(&name)
                || !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{name}: {plan}"
        );
        checked += 1;
    }
    assert_eq!(checked, 20, "every statement that looks for something is checked");
}

fn plan(connection: &Connection, sql: &str) -> String {
    let explain = format!("EXPLAIN QUERY PLAN {}", strip_comments(sql));
    let mut statement = connection.prepare(&explain).expect("the statement is good");
    // Unbound parameters are null, which does not change the plan.
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().expect("a plan can be read") {
        steps.push(row.get::<_, String>(3).expect("a step is text"));
    }
    steps.join("; ")
}

fn strip_comments(sql: &str) -> String {
    sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}
