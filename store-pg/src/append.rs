//! Appending by a look at what is stored: where appends may touch each other, repeat themselves, or
//! bring a transaction along.

use std::pin::pin;

use annals_core::Position;
use annals_core::store::{Append, StoreError};
use futures_util::future::{join_all, join3, join5};
use jiff::Timestamp;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use crate::columns::{Columns, metadata, slice};
use crate::commands::{COMMAND, insert_command};
use crate::connection::Connector;
use crate::error::translate;
use crate::event_row::{JsonText, signed};
use crate::judge::{Ends, Judged, Known, judge};
use crate::looks::Looks;
use crate::session::{Ready, Session};
use crate::statements::Statements;
use crate::writer::MAX_BATCH_BYTES;

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

/// How a batch is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Judging {
    /// The store's own clock, if it has one.
    pub(crate) now: Option<Timestamp>,
    /// Whether ids are looked up at once; otherwise only when something does not fit, because ids that
    /// come twice are rare and a unique index keeps them out.
    pub(crate) carefully: bool,
    /// Whether the transaction is that of this batch, to be begun with the first statement and
    /// committed with the last; otherwise it is open, and has the log locked until it ends.
    pub(crate) whole: bool,
}

/// Locks the log, judges appends against what is stored, and writes those that are let in. What is
/// known of the `ends` of streams need not be looked up; afterwards they are as they will be with the
/// commit.
pub(crate) async fn append_judged<'a>(
    session: Session<'_>,
    sql: &Statements,
    appends: &[&'a Append],
    judging: Judging,
    ends: &mut Ends,
) -> Result<(Judged<'a>, Timestamp), Failure> {
    let Judging { carefully, .. } = judging;
    let looks = Looks::ready(session, sql).await?;
    // All are sent before the first answer is waited for, and executed in this order: those that read
    // see what was committed while the lock was waited for.
    let begun = async {
        match judging.whole {
            true => session.client.batch_execute(BEGIN).await.map_err(Failure::from),
            false => Ok(()),
        }
    };
    let events =
        async { if carefully { looks.events(session, appends).await } else { Ok(Vec::new()) } };
    let (begun, locked, found, commands, events) = join5(
        begun,
        looks.lock(session, judging.now),
        looks.ends(session, appends, ends),
        looks.commands(session, appends),
        events,
    )
    .await;
    begun?;
    let (head, now) = locked?;
    let mut found = found?;
    if !ends.hold_at(head) {
        // What was thought to be known is not.
        found = looks.ends(session, appends, ends).await?;
    }
    let mut known = Known {
        ends: std::mem::take(&mut ends.streams),
        commands: commands?.into_iter().collect(),
        events: events?.into_iter().collect(),
        stood: Vec::new(),
    };
    known.ends.extend(found);
    known.stood = looks.stood(session, appends, &known.events).await?;
    // Ids that come twice in a batch are looked for only where several appends bring them.
    let mut judged = judge(appends, &mut known, head, now, carefully && appends.len() > 1);
    if !carefully && judged.results.iter().any(Result::is_err) {
        // Judging has changed what is known, so all of it is looked up again.
        ends.forget();
        let (found, commands, events) = join3(
            looks.ends(session, appends, ends),
            looks.commands(session, appends),
            looks.events(session, appends),
        )
        .await;
        known = Known {
            ends: found?.into_iter().collect(),
            commands: commands?.into_iter().collect(),
            events: events?.into_iter().collect(),
            stood: Vec::new(),
        };
        known.stood = looks.stood(session, appends, &known.events).await?;
        judged = judge(appends, &mut known, head, now, appends.len() > 1);
    }
    ends.streams = known.ends;
    ends.head = judged.events.last().map_or(head, |last| last.position);
    write(session, sql, &judged, now, judging.whole).await?;
    Ok((judged, now))
}

/// Locks the log until the transaction ends. Returns where it ends, and when what is appended now is
/// recorded.
pub(crate) async fn lock_log(
    session: Session<'_>,
    sql: &Statements,
) -> Result<(Position, Timestamp), Failure> {
    Looks::ready(session, sql).await?.lock(session, None).await
}

/// Writes what was let in, and commits the transaction with it if it is `whole`.
async fn write(
    session: Session<'_>,
    sql: &Statements,
    judged: &Judged<'_>,
    now: Timestamp,
    whole: bool,
) -> Result<(), Failure> {
    let bytes: usize = judged.events.iter().map(|placed| placed.event.bytes()).sum();
    // COPY has no limit to what it takes in all.
    let few = judged.events.len() < COPY_EVENTS && bytes <= 2 * MAX_BATCH_BYTES;
    if !few {
        copy(session, sql, judged, now).await?;
    }
    let insert = session.ready(&sql.insert_events, &INSERT).await?;
    let command = session.ready(&sql.insert_command, &COMMAND).await?;
    // Polled, and so sent, in this order. If something cannot be written, the commit rolls back.
    let events = async {
        match few && !judged.events.is_empty() {
            true => send_events(session, &insert, judged, now).await,
            false => Ok(()),
        }
    };
    let commands = judged.commands.iter().map(|(key, record)| {
        let command = &command;
        async move { insert_command(session, command, key, record).await }
    });
    let commit = async {
        match whole {
            true => session.client.batch_execute("COMMIT").await,
            false => Ok(()),
        }
    };
    let (events, commands, committed) = join3(events, join_all(commands), commit).await;
    events?;
    commands.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(committed?)
}

/// As `insert_events.sql` lists them.
const INSERT: [Type; 11] = [
    Type::INT8_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::UUID_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT4_ARRAY,
    Type::INT2_ARRAY,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ_ARRAY,
    Type::JSON_ARRAY,
    Type::JSON_ARRAY,
];

async fn send_events(
    session: Session<'_>,
    statement: &Ready,
    judged: &Judged<'_>,
    now: Timestamp,
) -> Result<(), tokio_postgres::Error> {
    let mut columns = Columns::default();
    for placed in &judged.events {
        columns.push(placed.stream, placed.event);
    }
    let occurred_at: Vec<Timestamp> =
        columns.occurred_at.iter().map(|at| at.unwrap_or(now)).collect();
    let placed = || judged.events.iter();
    let positions: Vec<i64> = placed().map(|event| signed(event.position.get())).collect();
    let versions: Vec<i64> = placed().map(|event| signed(event.version.get())).collect();
    let values: [&(dyn ToSql + Sync); 11] = [
        &positions,
        &columns.streams,
        &versions,
        &columns.ids,
        &columns.types,
        &columns.schema_versions,
        &columns.slices,
        &now,
        &occurred_at,
        &columns.payloads,
        &columns.metadata,
    ];
    statement.query(session.client, &values).await.map(|_| ())
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
