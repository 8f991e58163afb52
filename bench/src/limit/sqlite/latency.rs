//! `latency`: a thread appends and says so; another one, with a connection of its own, folds what
//! is new into the row, commits it with the checkpoint and says so; the first reads the row.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior, params};

use super::database::{CHECKPOINT, Insert, open, stream};
use crate::Failure;
use crate::domain::{Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{LATENCY_ACCOUNTS, LATENCY_PACE, Task};

const READ: &str = "
    SELECT position, stream, payload FROM events WHERE position > ?1 ORDER BY position";

const UPSERT: &str = "
    INSERT INTO balances (account, cents, movements) VALUES (?1, ?2, 1)
    ON CONFLICT (account) DO UPDATE
    SET cents = cents + excluded.cents, movements = movements + 1";

const LOOK: &str = "SELECT movements FROM balances WHERE account = ?1";

pub(super) fn measure(connection: &Connection, task: &Task) -> Result<Measured, Failure> {
    let (appended, appends) = channel();
    let (folded, folds) = channel();
    let mut projecting = open(task)?;
    let projector = std::thread::spawn(move || project(&mut projecting, &appends, &folded));
    let mut insert = Insert::new(connection)?;
    let mut look = connection.prepare(LOOK)?;
    let mut watch = Stopwatch::start()?;
    let first = Instant::now();
    for n in 0..task.events {
        std::thread::sleep((LATENCY_PACE * n as u32).saturating_sub(first.elapsed()));
        let id = account(n % LATENCY_ACCOUNTS);
        let begun = Instant::now();
        insert.event(&stream(id), n / LATENCY_ACCOUNTS + 1, &Movement::number(n))?;
        appended.send(())?;
        folds.recv()?;
        let movements: i64 = look.query_row([id.to_string()], |row| row.get(0))?;
        watch.add(begun.elapsed());
        if movements.unsigned_abs() != n / LATENCY_ACCOUNTS + 1 {
            return Err(format!("append {n} is not in the row that was read after it").into());
        }
    }
    let measured = watch.stop(task.events)?;
    drop(appended);
    projector.join().map_err(|_| "the projector panicked")??;
    Ok(measured)
}

/// Goes on until nobody appends any more.
fn project(
    connection: &mut Connection,
    appends: &Receiver<()>,
    folded: &Sender<()>,
) -> Result<(), Failure> {
    let mut position: i64 = 0;
    while appends.recv().is_ok() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        position = fold_new(&transaction, position)?;
        transaction.prepare_cached(CHECKPOINT)?.execute([position])?;
        transaction.commit()?;
        folded.send(())?;
    }
    Ok(())
}

fn fold_new(connection: &Connection, after: i64) -> Result<i64, Failure> {
    let mut position = after;
    let mut upsert = connection.prepare_cached(UPSERT)?;
    let mut read = connection.prepare_cached(READ)?;
    let mut rows = read.query([after])?;
    while let Some(row) = rows.next()? {
        position = row.get(0)?;
        let stream = row.get_ref(1)?.as_str()?;
        let id = stream.strip_prefix("account-").ok_or("a stream of another category")?;
        let movement: Movement = serde_json::from_str(row.get_ref(2)?.as_str()?)?;
        upsert.execute(params![id, movement.cents])?;
    }
    Ok(position)
}
