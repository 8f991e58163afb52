//! What stands about a consumer and its partitions, for whoever declares consumers: all of it inside a
//! transaction of the caller's.

use std::collections::HashSet;

use annals_core::store::{StoreError, Transaction};
use annals_core::table::{RowQuery, Value};
use annals_core::{Position, RecordedEvent, SLICES};

use crate::consume::KeyBy;
use crate::member::{consumer, disturb, lock};
use crate::records::{
    ConsumerRecord, InboxRecord, ParkedItem, ParkedKey, PartitionId, PartitionRecord, Record, find,
    of_generation, put, read, remove, survey_in, that_wait,
};

/// How many entries are removed at a time.
const AT_A_TIME: u32 = 1_000;

/// Notes what a program says of a consumer; what people have said of it stays.
///
/// # Errors
/// What the store runs into.
pub async fn declare(
    transaction: &mut dyn Transaction,
    declared: ConsumerRecord,
) -> Result<ConsumerRecord, StoreError> {
    lock(transaction, &declared.name).await?;
    let key = vec![Value::Text(declared.name.clone())];
    let rows = transaction.load_rows(ConsumerRecord::table(), &[key]).await?;
    let known = match rows.into_iter().next().map(read::<ConsumerRecord>).transpose() {
        Ok(known) => known,
        // What people have said of it is not written over; nobody works on it until it is put right.
        Err(row) => {
            row.say();
            return Ok(declared);
        }
    };
    let record = match known {
        None => ConsumerRecord { changed_at: transaction.now().await?, ..declared },
        Some(known) => {
            let same = known.kind == declared.kind
                && known.origin == declared.origin
                && known.on_failure == declared.on_failure
                && known.version >= declared.version
                && known.generation >= declared.generation;
            if same {
                return Ok(known);
            }
            ConsumerRecord {
                kind: declared.kind,
                origin: declared.origin,
                on_failure: declared.on_failure,
                version: known.version.max(declared.version),
                generation: known.generation.max(declared.generation),
                changed_at: transaction.now().await?,
                ..known
            }
        }
    };
    put(transaction, &record).await?;
    Ok(record)
}

/// Cuts a generation of a consumer into `parts` partitions that begin behind `position`. Their
/// checkpoints stand there.
///
/// # Errors
/// What the store runs into.
pub async fn partition(
    transaction: &mut dyn Transaction,
    (name, generation, epoch): (&str, u64, u64),
    version: u32,
    parts: u32,
    position: Position,
) -> Result<Vec<PartitionId>, StoreError> {
    let now = transaction.now().await?;
    let parts = parts.clamp(1, u32::from(SLICES));
    let bound = |part: u32| {
        // At most 1024 * 1024, divided by the number of parts: at most 1024.
        (u32::from(SLICES) * part / parts) as u16
    };
    let mut ids = Vec::new();
    for part in 0..parts {
        let record = PartitionRecord {
            consumer: name.to_owned(),
            generation,
            epoch,
            part,
            version,
            first_slice: bound(part),
            end_slice: bound(part + 1),
            begins_at: position,
            ends_at: None,
            owner: None,
            token: 0,
            state: "new".to_owned(),
            reason: None,
            changed_at: now,
        };
        put(transaction, &record).await?;
        transaction.set_checkpoint(&record.id().checkpoint(), position).await?;
        ids.push(record.id());
    }
    Ok(ids)
}

/// The partitions of a generation that have not come to their end.
async fn parts(
    transaction: &mut dyn Transaction,
    name: &str,
    generation: u64,
) -> Result<Vec<PartitionRecord>, StoreError> {
    let query = RowQuery { conditions: of_generation(name, generation), ..RowQuery::default() };
    let parts: Vec<PartitionRecord> = find(transaction, &query).await?;
    Ok(parts.into_iter().filter(|part| !part.is_done()).collect())
}

/// Where the partitions of a generation stand that have not come to their end; nowhere if the checkpoint
/// is gone. Nobody moves them until the transaction ends.
///
/// # Errors
/// What the store runs into.
pub async fn stands(
    transaction: &mut dyn Transaction,
    name: &str,
    generation: u64,
) -> Result<Vec<(PartitionRecord, Option<Position>)>, StoreError> {
    let parts = parts(transaction, name, generation).await?;
    with_positions(transaction, parts).await
}

/// As [`stands`], without those whose rows are damaged; and whether there are such.
///
/// # Errors
/// What the store runs into.
pub async fn stands_readable(
    transaction: &mut dyn Transaction,
    name: &str,
    generation: u64,
) -> Result<(Vec<(PartitionRecord, Option<Position>)>, bool), StoreError> {
    let query = RowQuery { conditions: of_generation(name, generation), ..RowQuery::default() };
    let (mut parts, damaged) = survey_in::<PartitionRecord>(transaction, &query).await?;
    parts.retain(|part| !part.is_done());
    Ok((with_positions(transaction, parts).await?, !damaged.is_empty()))
}

async fn with_positions(
    transaction: &mut dyn Transaction,
    parts: Vec<PartitionRecord>,
) -> Result<Vec<(PartitionRecord, Option<Position>)>, StoreError> {
    let mut stands = Vec::new();
    for part in parts {
        let position = transaction.checkpoint(&part.id().checkpoint()).await?;
        stands.push((part, position));
    }
    Ok(stands)
}

/// Notes which generation of a consumer serves.
///
/// # Errors
/// What the store runs into.
pub async fn serve(
    transaction: &mut dyn Transaction,
    name: &str,
    generation: u64,
) -> Result<(), StoreError> {
    lock(transaction, name).await?;
    let Some(mut record) = consumer(transaction, name).await? else { return Ok(()) };
    record.generation = generation;
    record.changed_at = transaction.now().await?;
    put(transaction, &record).await
}

/// Forgets a consumer that nobody runs any more. Its partitions must be gone.
///
/// # Errors
/// What the store runs into.
pub async fn forget(transaction: &mut dyn Transaction, name: &str) -> Result<(), StoreError> {
    lock(transaction, name).await?;
    remove::<ConsumerRecord>(transaction, &[vec![Value::Text(name.to_owned())]]).await
}

/// Takes the events of parked keys out of those that are to be dealt with, and lets them wait behind
/// their keys.
///
/// # Errors
/// What the store runs into.
pub async fn set_aside(
    transaction: &mut dyn Transaction,
    (name, generation): (&str, u64),
    key_by: KeyBy,
    events: Vec<RecordedEvent>,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let mut conditions = of_generation(name, generation);
    conditions.push(that_wait());
    let query = RowQuery { conditions, ..RowQuery::default() };
    let (parked, damaged) = survey_in::<ParkedKey>(transaction, &query).await?;
    let parked = parked.iter().map(|parked| parked.key.as_str());
    let parked: HashSet<&str> =
        parked.chain(damaged.iter().filter_map(|row| row.text(2))).collect();
    let (aside, rest): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event| parked.contains(key_by.of(event)));
    for event in aside {
        let item = ParkedItem {
            consumer: name.to_owned(),
            generation,
            key: key_by.of(&event).to_owned(),
            position: event.position,
            body: None,
        };
        put(transaction, &item).await?;
    }
    Ok(rest)
}

/// Holds the partitions of a generation, or lets them go on. Whoever works on them is stopped.
///
/// # Errors
/// What the store runs into.
pub async fn hold(
    transaction: &mut dyn Transaction,
    (name, generation): (&str, u64),
    held: bool,
) -> Result<(), StoreError> {
    lock(transaction, name).await?;
    for part in parts(transaction, name, generation).await? {
        if part.is_held() == held {
            continue;
        }
        let Some((mut part, _)) = disturb(transaction, &part.id()).await? else { continue };
        part.owner = None;
        part.state = if held { crate::records::HELD } else { "new" }.to_owned();
        part.reason = None;
        part.changed_at = transaction.now().await?;
        put(transaction, &part).await?;
    }
    Ok(())
}

/// Removes the partitions of a generation, with their checkpoints, all that waits behind parked keys, and
/// what it remembers of messages.
///
/// # Errors
/// What the store runs into.
pub async fn uncut(
    transaction: &mut dyn Transaction,
    (name, generation): (&str, u64),
) -> Result<(), StoreError> {
    lock(transaction, name).await?;
    let query = RowQuery { conditions: of_generation(name, generation), ..RowQuery::default() };
    for part in find::<PartitionRecord>(transaction, &query).await? {
        // Whoever is writing a batch of it comes first; the next batch finds no checkpoint.
        transaction.checkpoint(&part.id().checkpoint()).await?;
        transaction.remove_checkpoint(&part.id().checkpoint()).await?;
        remove::<PartitionRecord>(transaction, &[part.key()]).await?;
    }
    remove_all::<InboxRecord>(transaction, name, generation).await?;
    remove_all::<ParkedItem>(transaction, name, generation).await?;
    remove_all::<ParkedKey>(transaction, name, generation).await
}

async fn remove_all<R: Record>(
    transaction: &mut dyn Transaction,
    name: &str,
    generation: u64,
) -> Result<(), StoreError> {
    let conditions = of_generation(name, generation);
    let query = RowQuery { conditions, limit: AT_A_TIME, ..RowQuery::default() };
    loop {
        let rows = transaction.query_rows(R::table(), &query).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = rows.iter().map(|row| R::table().key_of(row)).collect();
        remove::<R>(transaction, &keys).await?;
    }
}

/// Gives a consumer that was renamed the partitions it had under its old name, with where they stand.
///
/// # Errors
/// What the store runs into.
pub async fn rename(
    transaction: &mut dyn Transaction,
    (old, new): (&str, &str),
    generation: u64,
) -> Result<(), StoreError> {
    lock(transaction, old).await?;
    lock(transaction, new).await?;
    for (part, position) in stands(transaction, old, generation).await? {
        let moved = PartitionRecord {
            consumer: new.to_owned(),
            owner: None,
            state: "new".to_owned(),
            reason: None,
            ..part
        };
        if let Some(position) = position {
            transaction.set_checkpoint(&moved.id().checkpoint(), position).await?;
        }
        put(transaction, &moved).await?;
    }
    let query = RowQuery { conditions: of_generation(old, generation), ..RowQuery::default() };
    for key in find::<ParkedKey>(transaction, &query).await? {
        put(transaction, &ParkedKey { consumer: new.to_owned(), ..key }).await?;
    }
    let query = RowQuery { limit: AT_A_TIME, ..query };
    move_all(transaction, &query, |item| ParkedItem { consumer: new.to_owned(), ..item }).await?;
    // At a broker it has another name now, and is sent everything once more.
    move_all(transaction, &query, |seen| InboxRecord { consumer: new.to_owned(), ..seen }).await?;
    uncut(transaction, (old, generation)).await
}

/// Puts others in the place of all records that a query asks for, some at a time.
async fn move_all<R: Record>(
    transaction: &mut dyn Transaction,
    query: &RowQuery,
    moved: impl Fn(R) -> R + Send,
) -> Result<(), StoreError> {
    loop {
        let records = find::<R>(transaction, query).await?;
        if records.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = records.iter().map(Record::key).collect();
        for record in records {
            put(transaction, &moved(record)).await?;
        }
        remove::<R>(transaction, &keys).await?;
    }
}
