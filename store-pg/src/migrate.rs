//! Forward-only migrations with checksums.

use std::time::Duration;

use annals_core::store::{StoreError, migration_checksum};
use tokio_postgres::types::Type;

use crate::connection::Connector;
use crate::event_row::{get, schema_version};
use crate::link::Link;
use crate::session::Bound;

struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

/// How long bringing the schema to the newest version may take: an index on a large log is built in
/// this time. Who starts meanwhile waits for as long.
const MIGRATION_TIME: Duration = Duration::from_secs(60 * 60);

/// In order. A migration that was released never changes; a function that changes gets a new name
/// or a migration that replaces it.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "first", sql: include_str!("../sql/migrations/0001_first.sql") },
    Migration {
        version: 2,
        name: "append_batch",
        sql: include_str!("../sql/functions/append_batch.sql"),
    },
    Migration {
        version: 3,
        name: "append_one",
        sql: include_str!("../sql/functions/append_one.sql"),
    },
    Migration { version: 4, name: "advance", sql: include_str!("../sql/functions/advance.sql") },
];

/// Number, name and checksum of each that this program knows.
pub(crate) fn known_migrations() -> impl Iterator<Item = (u32, &'static str, String)> {
    MIGRATIONS.iter().map(|known| (known.version, known.name, migration_checksum(known.sql)))
}

/// Brings the schema to the newest version, in one transaction. Other processes that start at the
/// same time wait for it.
pub(crate) async fn migrate(link: Link<'_>) -> Result<(), StoreError> {
    let migrated = tokio::time::timeout(MIGRATION_TIME, migrate_locked(link))
        .await
        .unwrap_or_else(|_| Err(link.connector.silent(MIGRATION_TIME)));
    if migrated.is_err() {
        // The error that matters is that of the migration.
        let _ = link.run("ROLLBACK").await;
    }
    migrated
}

async fn migrate_locked(link: Link<'_>) -> Result<(), StoreError> {
    let schema = link.schema();
    let name = schema.0.as_str();
    // Waits for who is migrating already, and then for the tables' users no longer than others do.
    let limit = MIGRATION_TIME.as_millis();
    link.run(&format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED;
         SET LOCAL lock_timeout = {limit}; SET LOCAL statement_timeout = {limit};
         SELECT pg_advisory_xact_lock(hashtextextended('annals migrations {name}', 0));
         SET LOCAL lock_timeout TO DEFAULT"
    ))
    .await?;
    let present = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
    if link.query_opt(present, &[(&name, Type::TEXT)]).await?.is_none() {
        link.run(&format!("CREATE SCHEMA {}", schema.quoted())).await?;
    }
    link.run(&link.sql.create_migrations).await?;
    let applied = applied(link).await?;
    for migration in MIGRATIONS {
        if check(&applied, migration, link.connector)? {
            continue;
        }
        link.run(&schema.name_in(migration.sql)).await?;
        let (version, checksum) =
            (migration.version.cast_signed(), migration_checksum(migration.sql));
        let values: [Bound<'_>; 3] =
            [(&version, Type::INT4), (&migration.name, Type::TEXT), (&checksum, Type::TEXT)];
        link.execute(&link.sql.insert_migration, &values).await?;
    }
    link.run("COMMIT").await
}

/// Makes sure that the schema is at the newest version, without changing anything.
pub(crate) async fn verify(link: Link<'_>) -> Result<(), StoreError> {
    let applied = applied(link).await?;
    for migration in MIGRATIONS {
        if !check(&applied, migration, link.connector)? {
            return Err(StoreError::Invalid {
                why: format!(
                    "{} lacks migration {} and this store may not migrate: open it once as the \
                     owner, without `migrate=off`",
                    link.connector.place, migration.version
                ),
            });
        }
    }
    Ok(())
}

async fn applied(link: Link<'_>) -> Result<Vec<(u32, String)>, StoreError> {
    let rows = link.query(&link.sql.read_migrations, &[]).await?;
    let applied: Vec<(u32, String)> = rows
        .iter()
        .map(|row| Ok((schema_version(row, 0)?, get(row, 1)?)))
        .collect::<Result<_, StoreError>>()?;
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    match applied.last() {
        Some((found, _)) if *found > known => {
            let place = link.connector.place.to_string();
            Err(StoreError::Newer { place, found: *found, known })
        }
        _ => Ok(applied),
    }
}

/// Whether a migration has been applied, just as it is known here.
fn check(
    applied: &[(u32, String)],
    migration: &Migration,
    connector: &Connector,
) -> Result<bool, StoreError> {
    let checksum = migration_checksum(migration.sql);
    match applied.iter().find(|(version, _)| *version == migration.version) {
        None => Ok(false),
        Some((_, stored)) if *stored == checksum => Ok(true),
        Some((version, stored)) => Err(StoreError::Corrupt {
            place: connector.place.to_string(),
            detail: format!(
                "migration {version} was applied with checksum {stored}, this program has \
                 {checksum}"
            ),
        }),
    }
}
