//! `catch-up`: reads the log in pages, and runs one statement an event; a page and the checkpoint commit
//! together.

use rusqlite::{Connection, params};

use super::database::{CHECKPOINT, check};
use crate::Failure;
use crate::domain::Movement;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

/// How many events a transaction has.
const PAGE: i64 = 20_000;

const READ: &str = "
    SELECT position, stream, payload FROM events WHERE position > ?1 ORDER BY position LIMIT ?2";

const MOVE: &str = "
    INSERT INTO balances AS balance (account, cents, movements) VALUES (?1, ?2, 1)
    ON CONFLICT (account) DO UPDATE
    SET cents = balance.cents + excluded.cents, movements = balance.movements + 1";

pub(super) fn measure(connection: &mut Connection, task: &Task) -> Result<Measured, Failure> {
    let (accounts, each) = history(task);
    let watch = Stopwatch::start()?;
    let mut position = 0;
    while position < accounts * each {
        let transaction = connection.transaction()?;
        let mut read = transaction.prepare_cached(READ)?;
        let mut write = transaction.prepare_cached(MOVE)?;
        let mut rows = read.query(params![position as i64, PAGE])?;
        while let Some(row) = rows.next()? {
            position = row.get::<_, i64>(0)?.unsigned_abs();
            let stream = row.get_ref(1)?.as_str()?;
            let id = stream.strip_prefix("account-").ok_or("a stream of another category")?;
            let movement: Movement = serde_json::from_str(row.get_ref(2)?.as_str()?)?;
            write.execute(params![id, movement.cents])?;
        }
        drop(rows);
        drop((read, write));
        transaction.execute(CHECKPOINT, [position as i64])?;
        transaction.commit()?;
    }
    let measured = watch.stop(accounts * each)?;
    check(connection, accounts, each)?;
    Ok(measured)
}
