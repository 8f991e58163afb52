//! Forward-only migrations with checksums.

use annals_core::store::{StoreError, migration_checksum};
use rusqlite::{Connection, params};

use crate::error::translate;
use crate::options::SqliteOptions;
use crate::statements;

struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

/// In order. A migration that was released never changes.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "first",
    sql: include_str!("../sql/migrations/0001_first.sql"),
}];

/// Where it is kept which of them were applied.
pub(crate) const MIGRATIONS_TABLE: &str = "annals_migrations";

/// Number, name and checksum of each that this program knows.
pub(crate) fn known_migrations() -> impl Iterator<Item = (u32, &'static str, String)> {
    MIGRATIONS.iter().map(|known| (known.version, known.name, migration_checksum(known.sql)))
}

/// Brings the file to the newest schema, in one transaction. Other processes that start at the
/// same time wait for it, for a time of its own: it may be long. A file that has the newest schema
/// already is only read, so that it can be opened while somebody writes.
pub(crate) fn migrate(
    connection: &mut Connection,
    options: &SqliteOptions,
) -> Result<(), StoreError> {
    let place = options.place();
    let failed = |error| translate(error, &place);
    if is_newest(connection, &place)? {
        return Ok(());
    }
    if !options.migrate {
        return Err(StoreError::Invalid {
            why: format!(
                "{place} lacks the newest migration and this store may not migrate: open it once \
                 without `migrate=off`"
            ),
        });
    }
    connection.busy_timeout(options.migration_timeout).map_err(failed)?;
    migrate_slowly(connection, options)?;
    connection.busy_timeout(options.busy_timeout).map_err(failed)
}

/// Whether every migration was applied, as it is known here, and none beside them.
fn is_newest(connection: &Connection, place: &str) -> Result<bool, StoreError> {
    let failed = |error| translate(error, place);
    let made = connection
        .prepare(statements::FIND_TABLE)
        .and_then(|mut find| find.exists([MIGRATIONS_TABLE]));
    if !made.map_err(failed)? {
        return Ok(false);
    }
    let known = MIGRATIONS.iter().map(|known| (known.version, migration_checksum(known.sql)));
    Ok(known.eq(applied(connection).map_err(failed)?))
}

fn applied(connection: &Connection) -> rusqlite::Result<Vec<(u32, String)>> {
    let mut statement = connection.prepare(statements::READ_MIGRATIONS)?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn migrate_slowly(connection: &mut Connection, options: &SqliteOptions) -> Result<(), StoreError> {
    let place = options.place();
    let failed = |error| translate(error, &place);
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(failed)?;
    transaction.execute(statements::CREATE_MIGRATIONS, []).map_err(failed)?;
    let applied = applied(&transaction).map_err(failed)?;
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    if let Some((found, _)) = applied.last()
        && *found > known
    {
        return Err(StoreError::Newer { place, found: *found, known });
    }
    for migration in MIGRATIONS {
        let checksum = migration_checksum(migration.sql);
        match applied.iter().find(|(version, _)| *version == migration.version) {
            Some((_, stored)) if *stored == checksum => {}
            Some((version, stored)) => {
                return Err(StoreError::Corrupt {
                    place,
                    detail: format!(
                        "migration {version} was applied with checksum {stored}, this program \
                         has {checksum}"
                    ),
                });
            }
            None => {
                transaction.execute_batch(migration.sql).map_err(failed)?;
                let now = options.clock.now().as_microsecond();
                transaction
                    .execute(
                        statements::INSERT_MIGRATION,
                        params![migration.version, migration.name, checksum, now],
                    )
                    .map_err(failed)?;
            }
        }
    }
    transaction.commit().map_err(failed)
}
