//! Looking at the database beneath the store.

use std::collections::HashMap;

use annals_core::store::{
    AppliedMigration, Examination, Examine, Finding, MigrationStatus, StoreError,
};
use annals_core::{Clock, SystemClock};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::types::Type;

use crate::connection::Connector;
use crate::error::corrupt;
use crate::event_row::{get, schema_version};
use crate::lent::Lent;
use crate::link::Link;
use crate::migrate::known_migrations;
use crate::{PgOptions, PgStore};

/// What finds events and what stands beside them.
const INDEXES: [&str; 6] = [
    "events_pkey",
    "events_by_stream",
    "events_by_id",
    "commands_pkey",
    "commands_by_time",
    "schemas_pkey",
];

/// The trigger that refuses to change history.
const GUARD: &str = "events_refuse_change";

/// The versions of the server that this store was written for, as `server_version_num` counts them.
const SERVERS: std::ops::Range<i32> = 130_000..190_000;

/// How far two clocks may be apart, and how far before times are of no use.
const APART: SignedDuration = SignedDuration::from_secs(1);
const FAR_APART: SignedDuration = SignedDuration::from_secs(60);

/// How long the log may be locked by one transaction before it is a finding, in seconds.
const LONG_LOCK: f64 = 1.0;

/// From how many dead rows on their share matters, and which share is too much.
const DEAD_ROWS: i64 = 10_000;
const DEAD_SHARE: f64 = 0.2;

/// From how many rows on a table should have been analyzed.
const UNANALYZED_ROWS: i64 = 10_000;

/// How many transactions old the oldest unfrozen row may be: the server stops at two billion.
const OLD_ROWS: i64 = 1_000_000_000;
const TOO_OLD_ROWS: i64 = 1_800_000_000;

/// How many times as old a transaction must be to be bad.
const VERY_LONG: f64 = 60.0;

#[async_trait]
impl Examine for PgStore {
    async fn examine(&self, how: &Examination) -> Result<Vec<Finding>, StoreError> {
        let lent = Lent::from(self.connector()).await?;
        let look = Look { link: lent.link()? };
        let mut findings = lent.within(look.at_indexes()).await?;
        findings.extend(lent.within(look.at_clock()).await?);
        findings.extend(lent.within(look.at_transactions(how)).await?);
        findings.extend(lent.within(look.at_log_lock()).await?);
        findings.extend(lent.within(look.at_server()).await?);
        findings.extend(lent.within(look.at_tables()).await?);
        if how.full {
            findings.push(lent.within(look.at_numbers()).await?);
        }
        Ok(findings)
    }
}

struct Look<'l> {
    link: Link<'l>,
}

impl Look<'_> {
    fn schema(&self) -> &str {
        &self.link.schema().0
    }

    async fn at_indexes(&self) -> Result<Vec<Finding>, StoreError> {
        let here = [(&self.schema() as _, Type::TEXT)];
        let rows = self.link.query(&self.link.sql.list_indexes, &here).await;
        let mut indexes: HashMap<String, bool> = HashMap::new();
        for row in &rows? {
            indexes.insert(get(row, 0)?, get(row, 1)?);
        }
        let missing: Vec<&str> =
            INDEXES.into_iter().filter(|name| !indexes.contains_key(*name)).collect();
        let mut invalid: Vec<&str> =
            indexes.iter().filter(|(_, valid)| !**valid).map(|(name, _)| name.as_str()).collect();
        invalid.sort_unstable();
        let schema = self.schema();
        let found = if !missing.is_empty() {
            Finding::bad(
                "indexes",
                format!("indexes are missing: {}", missing.join(", ")),
                "somebody removed them: make them again as `sql/migrations/0001_first.sql` does, \
                 with CREATE INDEX CONCURRENTLY",
            )
            .fact("missing", missing)
        } else if !invalid.is_empty() {
            let again = format!("REINDEX INDEX CONCURRENTLY {schema}.{}", invalid[0]);
            let what = format!("indexes cannot be used: {}", invalid.join(", "));
            Finding::bad("indexes", what, format!("make them anew: {again}"))
                .fact("invalid", invalid)
        } else {
            Finding::ok("indexes", format!("{} indexes, all valid", indexes.len()))
        };
        let rows = self.link.query(&self.link.sql.list_triggers, &here).await;
        let mut switched = None;
        for row in &rows? {
            if get::<&str>(row, 0)? == GUARD {
                switched = Some(get::<&str>(row, 1)? == "A");
            }
        }
        let advice = format!("ALTER TABLE {schema}.events ENABLE ALWAYS TRIGGER {GUARD}");
        let guard = match switched {
            Some(true) => {
                Finding::ok("history", "the trigger that refuses to change history is on")
            }
            Some(false) => Finding::bad(
                "history",
                format!("the trigger `{GUARD}` is switched off: history can be changed"),
                advice,
            ),
            None => Finding::bad(
                "history",
                format!("the trigger `{GUARD}` is gone: history can be changed"),
                "make it again as `sql/migrations/0001_first.sql` does, and find out who removed it",
            ),
        };
        Ok(vec![found, guard])
    }

    async fn at_clock(&self) -> Result<Vec<Finding>, StoreError> {
        let before = SystemClock.now();
        let row = self.link.query_opt(&self.link.sql.read_clock, &[]).await;
        let after = SystemClock.now();
        let row = row?.ok_or_else(|| corrupt("no answer"))?;
        let (there, last): (Timestamp, Option<Timestamp>) = (get(&row, 0)?, get(&row, 1)?);
        // What can be known: the answer was given between the two.
        let offset = if there < before {
            there.duration_since(before)
        } else {
            there.duration_since(after).max(SignedDuration::ZERO)
        };
        let seconds = offset.as_secs_f64();
        let advice = "see that both machines keep their clocks by NTP";
        let clock = match offset.abs() {
            apart if apart <= APART => {
                Finding::ok("clock", "the database's clock and this machine's go together")
            }
            apart => {
                let what = format!("the database's clock is {seconds:+.1} s from this machine's");
                match apart <= FAR_APART {
                    true => Finding::warn("clock", what, advice),
                    false => Finding::bad("clock", what, advice),
                }
            }
        };
        let mut findings = vec![
            clock
                .fact("database", there.to_string())
                .fact("here", after.to_string())
                .fact("offset_seconds", seconds),
        ];
        if let Some(last) = last
            && last.duration_since(there) > APART
        {
            findings.push(
                Finding::warn(
                    "clock",
                    format!("the last event was recorded at {last}, which is yet to come"),
                    "the database's clock went back: until then, all events are recorded at that \
                     time; see that it is kept by NTP",
                )
                .fact("last_recorded_at", last.to_string()),
            );
        }
        Ok(findings)
    }

    async fn at_transactions(&self, how: &Examination) -> Result<Vec<Finding>, StoreError> {
        let limit = how.long_transaction.as_secs_f64();
        let rows =
            self.link.query(&self.link.sql.list_transactions, &[(&limit, Type::FLOAT8)]).await;
        let mut findings = Vec::new();
        for row in &rows? {
            let (pid, application): (i32, &str) = (get(row, 0)?, get(row, 1)?);
            let (user, state, address): (&str, &str, &str) =
                (get(row, 2)?, get(row, 3)?, get(row, 4)?);
            let age: f64 = get(row, 5)?;
            let (what, advice) = match state {
                "prepared" => (
                    format!(
                        "the prepared transaction `{application}` of `{user}` has been open for {age:.0} s"
                    ),
                    "COMMIT PREPARED or ROLLBACK PREPARED it: it holds its locks for ever"
                        .to_owned(),
                ),
                _ => (
                    format!(
                        "process {pid} (application `{application}`, user `{user}`, {state}) has had a \
                         transaction open for {age:.0} s: dead rows pile up behind it"
                    ),
                    format!("end it where it comes from, or: SELECT pg_terminate_backend({pid})"),
                ),
            };
            let finding = match age > limit * VERY_LONG {
                true => Finding::bad("long_transaction", what, advice),
                false => Finding::warn("long_transaction", what, advice),
            };
            findings.push(
                finding
                    .fact("pid", pid)
                    .fact("application", application)
                    .fact("user", user)
                    .fact("state", state)
                    .fact("client_address", address)
                    .fact("age_seconds", age),
            );
        }
        if findings.is_empty() {
            let what = format!("no transaction has been open for longer than {limit:.0} s");
            findings.push(Finding::ok("long_transaction", what));
        }
        Ok(findings)
    }

    async fn at_log_lock(&self) -> Result<Vec<Finding>, StoreError> {
        let row = self.link.query_opt(&self.link.sql.log_holder, &[]).await;
        let row = row?;
        let Some(row) = row else {
            return Ok(vec![Finding::ok("log_lock", "nobody keeps the log locked")]);
        };
        let (pid, application): (i32, &str) = (get(&row, 0)?, get(&row, 1)?);
        let age = get::<Option<f64>>(&row, 2)?.unwrap_or_default();
        let finding = if age < LONG_LOCK {
            Finding::ok("log_lock", format!("process {pid} is appending"))
        } else {
            let what = format!(
                "process {pid} (application `{application}`) has appended in a transaction that has \
                 been open for {age:.1} s: nobody else can append until it ends"
            );
            let advice = "append last in a transaction of your own; to end it: SELECT \
                          pg_terminate_backend";
            let advice = format!("{advice}({pid})");
            match age * 1_000.0 < self.link.options().lock_timeout.as_secs_f64() * 1_000.0 {
                true => Finding::warn("log_lock", what, advice),
                false => Finding::bad("log_lock", what, advice),
            }
        };
        let finding = finding.fact("pid", pid).fact("application", application);
        Ok(vec![finding.fact("age_seconds", age)])
    }

    async fn at_server(&self) -> Result<Vec<Finding>, StoreError> {
        let row = self.link.query_opt(&self.link.sql.read_server, &[]).await;
        let row = row?.ok_or_else(|| corrupt("no answer"))?;
        let (number, autovacuum, counts): (i32, bool, bool) =
            (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
        let (fsync, full_pages, commit): (bool, bool, &str) =
            (get(&row, 3)?, get(&row, 4)?, get(&row, 5)?);
        let (standby, age, bytes, sees): (bool, i64, i64, bool) =
            (get(&row, 6)?, get(&row, 7)?, get(&row, 8)?, get(&row, 9)?);
        let server = match SERVERS.contains(&number) {
            true => Finding::ok("server", format!("PostgreSQL {}", number / 10_000)),
            false => Finding::warn(
                "server",
                format!(
                    "PostgreSQL {} was never tried with this version of Annals",
                    number / 10_000
                ),
                "use 13 to 18",
            ),
        };
        let mut findings = vec![server.fact("server_version_num", number).fact("standby", standby)];
        if standby {
            findings.push(Finding::warn(
                "server",
                "this server is a standby: nothing can be appended here",
                "to append, add the primary's host and `target_session_attrs=read-write` to the URL",
            ));
        }
        findings.push(durability(fsync, full_pages, commit));
        findings.push(match autovacuum && counts {
            true => Finding::ok("autovacuum", "autovacuum is on"),
            false => Finding::bad(
                "autovacuum",
                "autovacuum is off: dead rows stay, and in the end the server stops",
                "ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET track_counts = on; \
                 SELECT pg_reload_conf()",
            ),
        });
        let what = format!("the oldest row that is not frozen is {age} transactions old");
        let advice = "find what keeps autovacuum from freezing (long transactions, prepared \
                      transactions, replication slots), and VACUUM FREEZE";
        findings.push(
            match age {
                ..OLD_ROWS => Finding::ok("wraparound", what),
                OLD_ROWS..TOO_OLD_ROWS => Finding::warn("wraparound", what, advice),
                _ => Finding::bad("wraparound", what, advice),
            }
            .fact("age", age),
        );
        findings.push(
            Finding::ok("size", format!("the database has {bytes} bytes")).fact("bytes", bytes),
        );
        if !sees {
            let mut blind =
                Finding::ok("sight", "only this role's own sessions could be looked at");
            blind.advice = Some("GRANT pg_read_all_stats to it, to see all".to_owned());
            findings.push(blind);
        }
        Ok(findings)
    }

    async fn at_tables(&self) -> Result<Vec<Finding>, StoreError> {
        let here = [(&self.schema() as _, Type::TEXT)];
        let rows = self.link.query(&self.link.sql.list_tables, &here).await;
        let (mut findings, mut tables) = (Vec::new(), Vec::new());
        let (mut all, schema) = (0, self.schema());
        for row in &rows? {
            let name: &str = get(row, 0)?;
            let (live, dead, changed): (i64, i64, i64) = (get(row, 1)?, get(row, 2)?, get(row, 3)?);
            let (vacuumed, analyzed): (Option<Timestamp>, Option<Timestamp>) =
                (get(row, 4)?, get(row, 5)?);
            let (bytes, switched_off): (i64, bool) = (get(row, 6)?, get(row, 7)?);
            all += bytes;
            let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
            tables.push(serde_json::json!({
                "table": name, "live_rows": live, "dead_rows": dead, "bytes": bytes,
                "vacuumed_at": text(vacuumed), "analyzed_at": text(analyzed),
            }));
            if dead > DEAD_ROWS && dead as f64 > DEAD_SHARE * (live + dead) as f64 {
                findings.push(
                    Finding::warn(
                        "bloat",
                        format!("`{schema}.{name}` has {dead} dead rows beside {live} live ones"),
                        format!(
                            "see whether a long transaction or a replication slot keeps them; then \
                             VACUUM {schema}.{name}"
                        ),
                    )
                    .fact("table", name)
                    .fact("dead_rows", dead)
                    .fact("live_rows", live),
                );
            }
            if switched_off {
                let advice = format!("ALTER TABLE {schema}.{name} RESET (autovacuum_enabled)");
                let what = format!("autovacuum is switched off for `{schema}.{name}`");
                findings.push(Finding::warn("autovacuum", what, advice).fact("table", name));
            }
            if analyzed.is_none() && changed > UNANALYZED_ROWS {
                let what = format!("`{schema}.{name}` was never analyzed, and has {changed} rows");
                let advice = format!("ANALYZE {schema}.{name}");
                findings.push(Finding::warn("statistics", what, advice).fact("table", name));
            }
        }
        for (check, what) in [
            ("bloat", "no table has many dead rows"),
            ("statistics", "every large table was analyzed"),
        ] {
            if !findings.iter().any(|finding| finding.check == check) {
                findings.push(Finding::ok(check, what));
            }
        }
        let size = Finding::ok("tables", format!("{} tables with {all} bytes", tables.len()));
        findings.push(size.fact("bytes", all).fact("tables", tables));
        Ok(findings)
    }

    async fn at_numbers(&self) -> Result<Finding, StoreError> {
        let row = self.link.query_opt(&self.link.sql.count_events, &[]).await;
        let row = row?.ok_or_else(|| corrupt("no answer"))?;
        let (events, head, torn): (i64, i64, i64) = (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
        let finding = if events == head && torn == 0 {
            Finding::ok("positions", format!("{events} events, numbered without a hole"))
        } else {
            Finding::bad(
                "positions",
                format!("{events} events where {head} should be; {torn} streams with holes"),
                "events were removed past the triggers: restore a backup",
            )
        };
        Ok(finding.fact("events", events).fact("head", head).fact("torn_streams", torn))
    }
}

fn durability(fsync: bool, full_pages: bool, commit: &str) -> Finding {
    let finding = if !fsync || !full_pages {
        Finding::bad(
            "durability",
            "fsync or full_page_writes is off: a power cut may destroy the database",
            "ALTER SYSTEM SET fsync = on; ALTER SYSTEM SET full_page_writes = on; \
             SELECT pg_reload_conf()",
        )
    } else if commit == "off" {
        Finding::warn(
            "durability",
            "synchronous_commit is off: a crash takes events that were acknowledged and seen",
            "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf()",
        )
    } else {
        Finding::ok("durability", "what is committed is on the disk")
    };
    finding.fact("synchronous_commit", commit)
}

impl PgStore {
    /// How the tables of a schema stand to what this program knows, without changing or making it.
    ///
    /// # Errors
    /// As [`connect_with`](Self::connect_with), as far as a schema can be read.
    pub async fn migrations(options: &PgOptions) -> Result<Vec<MigrationStatus>, StoreError> {
        let connector = Connector::new(options.clone())?;
        let client = connector.own_patiently().await?;
        let limit = connector.options.statement_timeout;
        let applied = tokio::time::timeout(limit, applied(connector.link(&client))).await;
        let applied = applied.unwrap_or_else(|_| Err(connector.silent(limit)))?;
        Ok(MigrationStatus::compare(known_migrations(), &applied))
    }
}

async fn applied(link: Link<'_>) -> Result<Vec<AppliedMigration>, StoreError> {
    let (schema, table) = (link.schema().0.as_str(), "migrations");
    let here = [(&schema as _, Type::TEXT), (&table as _, Type::TEXT)];
    if link.query_opt(&link.sql.find_table, &here).await?.is_none() {
        return Ok(Vec::new());
    }
    let rows = link.query(&link.sql.list_migrations, &[]).await?;
    let read = |row| {
        Ok(AppliedMigration {
            version: schema_version(row, 0)?,
            name: get(row, 1)?,
            checksum: get(row, 2)?,
            applied_at: get(row, 3)?,
        })
    };
    rows.iter().map(read).collect()
}
