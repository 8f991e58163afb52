//! Appending within the open transaction of a group.

use annals_core::store::{Append, Appended, AppendedStream, StoreError, StoredPlace, Strict};
use annals_core::{
    EventId, EventType, NewEvent, Payload, Position, RecordedEvent, StreamId, StreamVersion,
};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use crate::block_on::Host;
use crate::columns::StoredEvent;
use crate::commands::{find_command, insert_command};
use crate::error::corrupt;
use crate::job::{Group, in_savepoint};
use crate::read::{position, signed};
use crate::statements::{FIND_EVENT, INSERT_EVENT, STOOD_AT, STREAM_VERSION};
use crate::transaction::SqliteTransaction;

/// Appends, or leaves the group as it was.
pub(crate) fn append(
    group: &mut Group<'_>,
    append: Append,
    host: &Host,
) -> Result<Appended, StoreError> {
    if append.hooks.is_empty() {
        return check_and_write(group, &append);
    }
    in_savepoint(|group| host.run(append_with_hooks(group, &append)), group)
}

/// Appends inside the transaction of somebody's work.
pub(crate) async fn append_in(
    group: &mut Group<'_>,
    append: &Append,
) -> Result<Appended, StoreError> {
    match append.hooks.is_empty() {
        true => check_and_write(group, append),
        false => append_with_hooks(group, append).await,
    }
}

/// Appends, with its hooks before and after. What they have written is taken back when the append is a
/// repetition; after an error that is for the caller to do.
async fn append_with_hooks(group: &mut Group<'_>, append: &Append) -> Result<Appended, StoreError> {
    group.run_sql("SAVEPOINT before")?;
    let mut transaction = SqliteTransaction::new(group);
    let mut before = Strict::for_hooks(&mut transaction);
    for hook in &append.hooks {
        hook.before(&mut before).await?;
    }
    before.finish()?;
    let first = group.head.get() + 1;
    let appended = check_and_write(group, append)?;
    if appended.repeated {
        group.run_sql("ROLLBACK TO before")?;
    }
    group.run_sql("RELEASE before")?;
    if group.head.get() < first {
        return Ok(appended);
    }
    let events = recorded(append, &appended, first, group.recorded_at);
    let mut transaction = SqliteTransaction::new(group);
    let mut after = Strict::for_hooks(&mut transaction);
    for hook in &append.hooks {
        hook.run(&events, &mut after).await?;
    }
    after.finish()?;
    Ok(appended)
}

/// Checks first and writes then, so that only a hook can refuse after something was written.
fn check_and_write(group: &mut Group<'_>, append: &Append) -> Result<Appended, StoreError> {
    if let Some(first) = first_result(group, append)? {
        return Ok(first);
    }
    let mut ends = Vec::with_capacity(append.streams.len());
    for wanted in &append.streams {
        let (actual, last) = stream_end(group, &wanted.stream)?;
        if !wanted.expected.admits(actual) {
            return Err(StoreError::Conflict {
                stream: wanted.stream.clone(),
                expected: wanted.expected,
                actual,
            });
        }
        ends.push((actual, last));
    }
    let mut streams = Vec::with_capacity(append.streams.len());
    for (wanted, (before, _)) in append.streams.iter().zip(&ends) {
        for (event, n) in wanted.events.iter().zip(1..) {
            insert(group, &wanted.stream, before.plus(n), event)?;
        }
        streams.push(AppendedStream {
            stream: wanted.stream.clone(),
            before: *before,
            after: before.plus(wanted.events.len() as u64),
        });
    }
    let last = match ends.first() {
        _ if append.event_count() > 0 => group.head,
        Some((_, last)) => *last,
        None => Position::START,
    };
    let appended =
        Appended { streams, position: last, recorded_at: group.recorded_at, repeated: false };
    if let Some((key, record)) = append.command_record(&appended) {
        insert_command(group.connection, key, &record).map_err(|error| group.lost(error))?;
    }
    Ok(appended)
}

/// The result of this very append, if it was made before.
fn first_result(group: &Group<'_>, append: &Append) -> Result<Option<Appended>, StoreError> {
    if let Some(command) = &append.command
        && let Some(record) = find_command(group.connection, &command.key, group.place)?
    {
        return append.recorded_result(record).map(Some);
    }
    append
        .first_result(|id| find_event(group, id), |stream, before| stood_at(group, stream, before))
}

pub(crate) fn find_event(
    group: &Group<'_>,
    id: EventId,
) -> Result<Option<StoredPlace>, StoreError> {
    let failed = group.failed();
    let mut statement = group.connection.prepare_cached(FIND_EVENT).map_err(&failed)?;
    let found = statement
        .query_row([id.get().as_bytes()], |row| {
            let texts: (String, String, String) = (row.get(1)?, row.get(4)?, row.get(5)?);
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(2)?, row.get(3)?, texts))
        })
        .optional()
        .map_err(&failed)?;
    let Some((at, version, recorded_at, texts)) = found else { return Ok(None) };
    let (stream, event_type, payload) = texts;
    Ok(Some(StoredPlace {
        position: position(at)?,
        stream: StreamId::parse(stream).map_err(corrupt)?,
        version: StreamVersion::new(u64::try_from(version).map_err(corrupt)?),
        recorded_at: Timestamp::from_microsecond(recorded_at).map_err(corrupt)?,
        event_type: EventType::from(event_type.as_str()),
        payload: Payload::from_stored(payload),
    }))
}

/// The version of a stream before a position.
fn stood_at(
    group: &Group<'_>,
    stream: &StreamId,
    before: Position,
) -> Result<StreamVersion, StoreError> {
    let failed = group.failed();
    let mut statement = group.connection.prepare_cached(STOOD_AT).map_err(&failed)?;
    let stood = statement
        .query_row(params![stream.as_str(), signed(before.get())], |row| row.get::<_, i64>(0));
    Ok(StreamVersion::new(u64::try_from(stood.map_err(&failed)?).map_err(corrupt)?))
}

/// The version and position of a stream's last event.
pub(crate) fn stream_end(
    group: &Group<'_>,
    stream: &StreamId,
) -> Result<(StreamVersion, Position), StoreError> {
    let failed = group.failed();
    let mut statement = group.connection.prepare_cached(STREAM_VERSION).map_err(&failed)?;
    let end: Option<(i64, i64)> = statement
        .query_row([stream.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(&failed)?;
    let Some((version, at)) = end else { return Ok(Default::default()) };
    Ok((StreamVersion::new(u64::try_from(version).map_err(corrupt)?), position(at)?))
}

fn insert(
    group: &mut Group<'_>,
    stream: &StreamId,
    version: StreamVersion,
    event: &NewEvent,
) -> Result<(), StoreError> {
    let at = Position::new(group.head.get() + 1);
    let stored = StoredEvent::of(stream, version, event, group.recorded_at);
    let inserted = group
        .connection
        .prepare_cached(&INSERT_EVENT)
        .and_then(|mut statement| statement.execute(stored.values()));
    match inserted {
        Ok(_) => {
            group.head = at;
            Ok(())
        }
        Err(error) => Err(group.lost(error)),
    }
}

/// The events as readers will see them, for hooks.
fn recorded(
    append: &Append,
    appended: &Appended,
    first: u64,
    now: Timestamp,
) -> Vec<RecordedEvent> {
    let mut position = first;
    let mut events = Vec::with_capacity(append.event_count());
    for (wanted, stream) in append.streams.iter().zip(&appended.streams) {
        for (event, n) in wanted.events.iter().zip(1..) {
            let place = Position::new(position);
            events.push(event.record(wanted.stream.clone(), stream.before.plus(n), place, now));
            position += 1;
        }
    }
    events
}
