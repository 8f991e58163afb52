//! Writing what was let in: an array a column, or COPY where there is much.

use std::pin::pin;

use futures_util::future::{join_all, join3};
use jiff::Timestamp;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use crate::columns::{Columns, metadata, slice};
use crate::commands::{COMMAND, insert_command};
use crate::error::Failure;
use crate::event_row::{JsonText, signed};
use crate::judge::Judged;
use crate::link::Link;
use crate::session::Ready;
use crate::writer::MAX_BATCH_BYTES;

/// From how many events on COPY is faster than an array a column.
pub(crate) const COPY_EVENTS: usize = 2_000;

/// Writes what was let in, and commits the transaction with it if it is `whole`.
pub(crate) async fn write(
    link: Link<'_>,
    judged: &Judged<'_>,
    now: Timestamp,
    whole: bool,
) -> Result<(), Failure> {
    let bytes: usize = judged.events.iter().map(|placed| placed.event.bytes()).sum();
    // COPY has no limit to what it takes in all.
    let few = judged.events.len() < COPY_EVENTS && bytes <= 2 * MAX_BATCH_BYTES;
    if !few {
        copy(link, judged, now).await?;
    }
    let Link { session, sql, .. } = link;
    let insert = session.ready(&sql.insert_events, &INSERT).await?;
    let command = session.ready(&sql.insert_command, &COMMAND).await?;
    // Polled, and so sent, in this order. If something cannot be written, the commit rolls back.
    let events = async {
        match few && !judged.events.is_empty() {
            true => send_events(link, &insert, judged, now).await,
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
    link: Link<'_>,
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
    statement.query(link.session.client, &values).await.map(|_| ())
}

async fn copy(link: Link<'_>, judged: &Judged<'_>, now: Timestamp) -> Result<(), Failure> {
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
    let sink = link.session.client.copy_in(&link.sql.copy_events).await?;
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
