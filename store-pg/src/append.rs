//! Appending by a look at what is stored: where appends may touch each other, repeat themselves, or
//! bring a transaction along.

use std::collections::HashSet;
use std::pin::pin;

use annals_core::store::{Append, Appended, CommandRecord, KeyedCommand, StoreError, StoredPlace};
use annals_core::{EventId, Position, StreamId, StreamVersion};
use futures_util::future::join;
use jiff::Timestamp;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::columns::{Columns, metadata, slice};
use crate::commands::{find_commands, insert_command};
use crate::connection::Connector;
use crate::error::{corrupt, translate};
use crate::event_row::{JsonText, get, position, signed, version};
use crate::judge::{Ends, Judged, Known, judge};
use crate::session::{Bound, Session};
use crate::statements::Statements;

/// From how many events on COPY is faster than an array a column.
pub(crate) const COPY_EVENTS: usize = 2_000;

/// Whatever the defaults of the role are: see [`lock_log`].
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE";

/// What went wrong: the caller has to know what the server said before it is put into other words.
#[derive(Debug)]
pub(crate) enum Failure {
    Server(tokio_postgres::Error),
    Other(StoreError),
}

impl Failure {
    /// In the words of the framework.
    pub(crate) fn explained(self, connector: &Connector) -> StoreError {
        match self {
            Self::Server(error) => translate(error, &connector.place),
            Self::Other(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

/// Locks the log, judges appends against what is stored, and writes those that are let in. Inside
/// a transaction, which holds the lock until it ends. `carefully` looks the ids up at once; otherwise
/// only when something does not fit, because ids that come twice are rare and a unique index keeps
/// them out. What is known of the `ends` of streams need not be looked up; afterwards they are as
/// they will be with the commit.
pub(crate) async fn append_judged<'a>(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    appends: &[&'a Append],
    now: Option<Timestamp>,
    carefully: bool,
    ends: &mut Ends,
) -> Result<(Judged<'a>, Timestamp), Failure> {
    let (head, now) = lock_log(session, sql, now).await?;
    ends.hold_at(head);
    let events =
        async { if carefully { find_events(session, sql, appends).await } else { Ok(Vec::new()) } };
    // All are sent before the first answer is waited for.
    let (found, commands, events) = futures_util::future::join3(
        stream_ends(session, sql, appends, ends),
        known_commands(session, sql, connector, appends),
        events,
    )
    .await;
    let mut known = Known {
        ends: std::mem::take(&mut ends.streams),
        commands: commands?.into_iter().collect(),
        events: events?.into_iter().collect(),
    };
    known.ends.extend(found?);
    let mut judged = judge(appends, &mut known, head, now);
    if !carefully && judged.results.iter().any(Result::is_err) {
        // Judging has changed what is known, so all of it is looked up again.
        known = Known {
            ends: stream_ends(session, sql, appends, ends).await?.into_iter().collect(),
            commands: known_commands(session, sql, connector, appends).await?.into_iter().collect(),
            events: find_events(session, sql, appends).await?.into_iter().collect(),
        };
        judged = judge(appends, &mut known, head, now);
    }
    ends.streams = known.ends;
    ends.head = judged.events.last().map_or(head, |last| last.position);
    write(session, sql, &judged, now).await?;
    Ok((judged, now))
}

/// Locks the log until the transaction ends. Returns where it ends, and when what is appended now is
/// recorded. Both statements go out together; the second sees what was committed while the first
/// waited.
pub(crate) async fn lock_log(
    session: Session<'_>,
    sql: &Statements,
    now: Option<Timestamp>,
) -> Result<(Position, Timestamp), Failure> {
    let lock = session.ready(&sql.lock_log, &[]).await?;
    let read = session.ready(&sql.read_end, &[Type::TIMESTAMPTZ]).await?;
    // Polled, and so sent, in this order.
    let (locked, end) =
        join(lock.query(session.client, &[]), read.query(session.client, &[&now])).await;
    let (locked, end) = (locked?.into_iter().next(), end?.into_iter().next());
    if locked.map_or(Ok(None), |row| get::<Option<String>>(&row, 0))?.is_none() {
        let why = "a transaction that appends must be READ COMMITTED: any other does not see what \
                   was appended while it waited for the log; begin it with `BEGIN ISOLATION LEVEL \
                   READ COMMITTED`";
        return Err(StoreError::Invalid { why: why.to_owned() }.into());
    }
    let end = end.ok_or_else(|| corrupt("the end of the log gives no answer"))?;
    Ok((position(&end, 0)?, get(&end, 1)?))
}

async fn write(
    session: Session<'_>,
    sql: &Statements,
    judged: &Judged<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    match judged.events.len() {
        0 => {}
        few if few < COPY_EVENTS => insert(session, sql, judged, now).await?,
        _ => copy(session, sql, judged, now).await?,
    }
    for (key, record) in &judged.commands {
        insert_command(session, sql, key, record).await?;
    }
    Ok(())
}

async fn insert(
    session: Session<'_>,
    sql: &Statements,
    judged: &Judged<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut columns = Columns::default();
    for placed in &judged.events {
        columns.push(placed.stream, placed.event);
    }
    let occurred_at: Vec<Timestamp> =
        columns.occurred_at.iter().map(|at| at.unwrap_or(now)).collect();
    let placed = || judged.events.iter();
    let positions: Vec<i64> = placed().map(|event| signed(event.position.get())).collect();
    let versions: Vec<i64> = placed().map(|event| signed(event.version.get())).collect();
    let parameters: [Bound<'_>; 11] = [
        (&positions, Type::INT8_ARRAY),
        (&columns.streams, Type::TEXT_ARRAY),
        (&versions, Type::INT8_ARRAY),
        (&columns.ids, Type::UUID_ARRAY),
        (&columns.types, Type::TEXT_ARRAY),
        (&columns.schema_versions, Type::INT4_ARRAY),
        (&columns.slices, Type::INT2_ARRAY),
        (&now, Type::TIMESTAMPTZ),
        (&occurred_at, Type::TIMESTAMPTZ_ARRAY),
        (&columns.payloads, Type::JSON_ARRAY),
        (&columns.metadata, Type::JSON_ARRAY),
    ];
    session.execute(&sql.insert_events, &parameters).await?;
    Ok(())
}

async fn copy(
    session: Session<'_>,
    sql: &Statements,
    judged: &Judged<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    const TYPES: [Type; 11] = [
        Type::INT8,
        Type::TEXT,
        Type::INT8,
        Type::UUID,
        Type::TEXT,
        Type::INT4,
        Type::INT2,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::JSON,
        Type::JSON,
    ];
    let sink = session.client.copy_in(&sql.copy_events).await?;
    let mut rows = pin!(BinaryCopyInWriter::new(sink, &TYPES));
    for placed in &judged.events {
        let event = placed.event;
        rows.as_mut()
            .write(&[
                &signed(placed.position.get()),
                &placed.stream.as_str(),
                &signed(placed.version.get()),
                &event.id.get(),
                &event.event_type.as_str(),
                &event.schema_version.cast_signed(),
                &slice(placed.stream),
                &now,
                &event.happened(now),
                &JsonText(event.payload.as_str()),
                &metadata(event),
            ])
            .await?;
    }
    rows.finish().await?;
    Ok(())
}

async fn stream_ends(
    session: Session<'_>,
    sql: &Statements,
    appends: &[&Append],
    known: &Ends,
) -> Result<Vec<(StreamId, (StreamVersion, Position))>, Failure> {
    let mentioned = appends.iter().flat_map(|append| &append.streams).map(|part| &part.stream);
    let wanted: HashSet<&StreamId> =
        mentioned.filter(|stream| !known.streams.contains_key(*stream)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: Vec<&StreamId> = wanted.into_iter().collect();
    let names: Vec<&str> = wanted.iter().map(|stream| stream.as_str()).collect();
    let rows = session.query(&sql.stream_ends, &[(&names, Type::TEXT_ARRAY)]).await?;
    let mut ends = Vec::new();
    for (stream, row) in wanted.into_iter().zip(&rows) {
        if get::<Option<i64>>(row, 0)?.is_some() {
            ends.push((stream.clone(), (version(row, 0)?, position(row, 1)?)));
        }
    }
    Ok(ends)
}

async fn known_commands(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    appends: &[&Append],
) -> Result<Vec<(String, CommandRecord)>, Failure> {
    let keys: Vec<&str> = appends
        .iter()
        .filter_map(|append| append.command.as_ref().map(KeyedCommand::as_str))
        .collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(find_commands(session, sql, connector, &keys).await?)
}

/// Those events of some appends that are stored already.
pub(crate) async fn find_events(
    session: Session<'_>,
    sql: &Statements,
    appends: &[&Append],
) -> Result<Vec<(EventId, StoredPlace)>, Failure> {
    let events = appends.iter().flat_map(|append| &append.streams).flat_map(|part| &part.events);
    let ids: Vec<Uuid> = events.map(|event| event.id.get()).collect();
    let rows = session.query(&sql.find_events, &[(&ids, Type::UUID_ARRAY)]).await?;
    let read = |row| {
        let place = StoredPlace {
            position: position(row, 1)?,
            stream: StreamId::parse(get::<&str>(row, 2)?).map_err(corrupt)?,
            version: version(row, 3)?,
            recorded_at: get(row, 4)?,
        };
        Ok((EventId::new(get(row, 0)?), place))
    };
    Ok(rows.iter().map(read).collect::<Result<_, StoreError>>()?)
}

/// The result of an append that has been made before, if it has.
pub(crate) async fn first_result(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    append: &Append,
) -> Result<Option<Result<Appended, StoreError>>, Failure> {
    let commands = known_commands(session, sql, connector, &[append]).await?;
    if let Some((_, record)) = commands.into_iter().next() {
        return Ok(Some(append.recorded_result(record)));
    }
    let found = find_events(session, sql, &[append]).await?;
    let find = |id| Ok(found.iter().find(|(found, _)| *found == id).map(|(_, at)| at.clone()));
    Ok(append.first_result(find).transpose())
}
