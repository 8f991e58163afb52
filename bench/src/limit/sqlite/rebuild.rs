//! `rebuild`: reads the log in pages, merges in a map, and writes the rows that a page touched
//! with the checkpoint. At the end the new table takes the place of the old.

use std::collections::HashMap;

use annals::Uuid;
use rusqlite::{Connection, params};

use super::database::{CHECKPOINT, check};
use crate::Failure;
use crate::domain::{Account, Movement};
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

/// After how many events the rows and the checkpoint are written.
const PAGE: i64 = 50_000;

const BEGIN: &str = "
    DROP TABLE IF EXISTS balances_new;
    CREATE TABLE balances_new (
        account   TEXT PRIMARY KEY,
        cents     INTEGER NOT NULL,
        movements INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;";

const READ: &str = "
    SELECT position, stream, payload FROM events WHERE position > ?1 ORDER BY position LIMIT ?2";

const UPSERT: &str = "
    INSERT INTO balances_new (account, cents, movements) VALUES (?1, ?2, ?3)
    ON CONFLICT (account) DO UPDATE SET cents = excluded.cents, movements = excluded.movements";

const SWITCH: &str = "DROP TABLE balances; ALTER TABLE balances_new RENAME TO balances;";

pub(super) fn measure(connection: &mut Connection, task: &Task) -> Result<Measured, Failure> {
    let (accounts, each) = history(task);
    let watch = Stopwatch::start()?;
    connection.execute_batch(BEGIN)?;
    let mut rows: HashMap<Uuid, (Account, bool)> = HashMap::new();
    let mut position = 0;
    loop {
        let before = position;
        position = read_page(connection, position, &mut rows)?;
        if position == before {
            break;
        }
        write_touched(connection, position, &mut rows)?;
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch(SWITCH)?;
    transaction.commit()?;
    let measured = watch.stop(accounts * each)?;
    check(connection, accounts, each)?;
    Ok(measured)
}

fn read_page(
    connection: &Connection,
    after: i64,
    accounts: &mut HashMap<Uuid, (Account, bool)>,
) -> Result<i64, Failure> {
    let mut position = after;
    let mut read = connection.prepare_cached(READ)?;
    let mut rows = read.query([after, PAGE])?;
    while let Some(row) = rows.next()? {
        position = row.get(0)?;
        let stream = row.get_ref(1)?.as_str()?;
        let id = stream.strip_prefix("account-").ok_or("a stream of another category")?;
        let movement: Movement = serde_json::from_str(row.get_ref(2)?.as_str()?)?;
        let (account, touched) = accounts.entry(id.parse()?).or_default();
        account.take_in(&movement);
        *touched = true;
    }
    Ok(position)
}

fn write_touched(
    connection: &mut Connection,
    position: i64,
    accounts: &mut HashMap<Uuid, (Account, bool)>,
) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    let mut upsert = transaction.prepare_cached(UPSERT)?;
    for (id, (account, touched)) in accounts.iter_mut().filter(|(_, (_, touched))| *touched) {
        let movements = account.movements as i64;
        upsert.execute(params![id.to_string(), account.cents, movements])?;
        *touched = false;
    }
    drop(upsert);
    transaction.execute(CHECKPOINT, [position])?;
    Ok(transaction.commit()?)
}
