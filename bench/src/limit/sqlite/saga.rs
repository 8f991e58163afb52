//! `saga`, `saga-continue` and `open`: pages of the log; each instance folded from its stream; steps, commands,
//! timers and the checkpoint of a page in one commit.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use annals::{Timestamp, Uuid};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::history::make_of;
use crate::Failure;
use crate::flows::Flows;
use crate::limit::step::{Instance, PAGE, SENT, STEPPED, Timers, Told, Written, stream_of};
use crate::measure::{Measured, Stopwatch};
use crate::task::Task;

const READ: &str = "
    SELECT position, id, stream, version, recorded_at, payload FROM events
    WHERE position > ?1 AND type = 'account.moved' ORDER BY position LIMIT ?2";

const READ_INSTANCE: &str = "SELECT type, payload FROM events WHERE stream = ?1 ORDER BY version";

/// The next position is the largest there is plus one, and the index refuses a version that is there.
const APPEND: &str = "
    INSERT INTO events (stream, version, id, type, recorded_at, payload)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const TIMER: &str = "
    INSERT INTO timers (key, due_at, body, set_at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (key) DO UPDATE
    SET due_at = excluded.due_at, body = excluded.body, set_at = excluded.set_at";

const REACHED: &str = "SELECT position FROM checkpoint WHERE name = 'confirmations'";

const CHECKPOINT: &str = "
    INSERT INTO checkpoint (name, position) VALUES ('confirmations', ?1)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position";

/// Opens the instances that are to be there, and brings the events that are told afterwards.
pub(super) fn prepare(connection: &mut Connection, task: &Task) -> Result<(), Failure> {
    let flows = Flows::of(task);
    if flows.open == 0 {
        return Ok(());
    }
    follow(connection)?;
    make_of(connection, flows.told(), |n| flows.place(n))
}

pub(super) fn measure(connection: &mut Connection, task: &Task) -> Result<Measured, Failure> {
    let flows = Flows::of(task);
    let watch = Stopwatch::start()?;
    let told = follow(connection)?;
    let measured = watch.stop(told)?;
    let open: i64 = connection.query_row(
        "SELECT count(*) FROM timers WHERE key LIKE '%/confirmed'",
        [],
        |row| row.get(0),
    )?;
    if told != flows.told() || open.unsigned_abs() != flows.open_at_last() {
        return Err(format!("{told} events were told, {open} instances are open").into());
    }
    Ok(measured)
}

/// Takes in all that is there. Returns how many events were told.
fn follow(connection: &mut Connection) -> Result<u64, Failure> {
    let mut all = 0;
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let told = take_page(&transaction)?;
        transaction.commit()?;
        all += told;
        if told < PAGE {
            return Ok(all);
        }
    }
}

fn take_page(transaction: &Transaction<'_>) -> Result<u64, Failure> {
    let reached = transaction.prepare_cached(REACHED)?.query_row([], |row| row.get::<_, i64>(0));
    let mut position = match reached {
        Err(rusqlite::Error::QueryReturnedNoRows) => 0,
        reached => reached?,
    };
    let page = read_page(transaction, position)?;
    let (mut instances, mut timers) = (HashMap::new(), Timers::new());
    for told in &page {
        let instance = match instances.entry(stream_of(&told.stream)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let read = read(transaction, new.key())?;
                new.insert(read)
            }
        };
        append(transaction, &instance.take(told, &mut timers)?)?;
    }
    let now = Timestamp::now().to_string();
    let mut write = transaction.prepare_cached(TIMER)?;
    for (key, timer) in timers {
        write.execute(params![key, timer.due_at.to_string(), timer.body, now])?;
    }
    // Behind a page that is not full comes nothing else.
    position = match page.last() {
        Some(last) if page.len() as u64 == PAGE => last.position as i64,
        _ => transaction
            .query_row("SELECT max(position) FROM events", [], |row| row.get::<_, Option<i64>>(0))?
            .unwrap_or(position),
    };
    transaction.prepare_cached(CHECKPOINT)?.execute([position])?;
    Ok(page.len() as u64)
}

fn read_page(transaction: &Transaction<'_>, after: i64) -> Result<Vec<Told>, Failure> {
    let mut read = transaction.prepare_cached(READ)?;
    let mut rows = read.query(params![after, PAGE as i64])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(Told {
            position: row.get::<_, i64>(0)?.unsigned_abs(),
            id: Uuid::from_slice(row.get_ref(1)?.as_blob()?)?,
            stream: row.get(2)?,
            version: row.get::<_, i64>(3)?.unsigned_abs(),
            at: Timestamp::from_microsecond(row.get(4)?)?,
            movement: serde_json::from_str(row.get_ref(5)?.as_str()?)?,
        });
    }
    Ok(page)
}

/// An instance, as its stream says.
fn read(transaction: &Transaction<'_>, stream: &str) -> Result<Instance, Failure> {
    let mut read = transaction.prepare_cached(READ_INSTANCE)?;
    let mut rows = read.query([stream])?;
    let mut instance = Instance::default();
    while let Some(row) = rows.next()? {
        instance.fold(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?)?;
    }
    Ok(instance)
}

fn append(transaction: &Transaction<'_>, written: &Written) -> Result<(), Failure> {
    let mut append = transaction.prepare_cached(APPEND)?;
    let now = Timestamp::now().as_microsecond();
    let events = [(STEPPED, &written.stepped), (SENT, &written.sent)];
    for (version, (event_type, payload)) in (written.version as i64..).zip(events) {
        let id = Uuid::now_v7();
        append.execute(params![
            written.stream,
            version,
            id.as_bytes(),
            event_type,
            now,
            payload
        ])?;
    }
    Ok(())
}
