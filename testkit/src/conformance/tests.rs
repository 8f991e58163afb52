//! A case that is written but not listed would never run.

#[test]
fn every_case_is_listed() {
    let list = include_str!("mod.rs");
    let topics = [
        include_str!("append.rs"),
        include_str!("browse.rs"),
        include_str!("bulk.rs"),
        include_str!("cancellation.rs"),
        include_str!("checkpoints.rs"),
        include_str!("commands.rs"),
        include_str!("concurrency.rs"),
        include_str!("fences.rs"),
        include_str!("history.rs"),
        include_str!("hooks.rs"),
        include_str!("idempotent_append.rs"),
        include_str!("limits.rs"),
        include_str!("multi_stream.rs"),
        include_str!("odd_input.rs"),
        include_str!("own_tables.rs"),
        include_str!("read_log.rs"),
        include_str!("read_stream.rs"),
        include_str!("restore.rs"),
        include_str!("schemas.rs"),
        include_str!("shared.rs"),
        include_str!("snapshots.rs"),
        include_str!("tables/queries.rs"),
        include_str!("tables/rows.rs"),
        include_str!("tables/sql.rs"),
        include_str!("tables/values.rs"),
        include_str!("tables/views.rs"),
        include_str!("transaction_append.rs"),
        include_str!("transactions.rs"),
        include_str!("wakeups.rs"),
    ];
    let listed = |case: &&str| list.lines().any(|line| line.trim() == *case);
    let mut cases = 0;
    for topic in topics {
        for line in topic.lines() {
            let Some(rest) = line.strip_prefix("pub async fn ") else { continue };
            let case = rest.split('(').next().unwrap_or(rest);
            assert!(listed(&case), "the case `{case}` is not listed in conformance!");
            cases += 1;
        }
    }
    assert!(cases > 100, "only {cases} cases were found");
}
