//! Writing what was let in: an array a column, or COPY where there is much.

use std::pin::pin;

use futures_util::future::{join_all, join3};
use jiff::Timestamp;
use tokio_postgres::binary_copy::BinaryCopyInWriter;

use crate::columns::{StoredEvent, StoredEvents};
use crate::commands::{COMMAND, insert_command};
use crate::error::Failure;
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
    let insert = session.ready(&sql.insert_events, StoredEvents::TYPES).await?;
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

async fn send_events(
    link: Link<'_>,
    statement: &Ready,
    judged: &Judged<'_>,
    now: Timestamp,
) -> Result<(), tokio_postgres::Error> {
    let mut events = StoredEvents::default();
    for placed in &judged.events {
        events.push(StoredEvent::of(placed, now));
    }
    statement.query(link.session.client, &events.values()).await.map(|_| ())
}

async fn copy(link: Link<'_>, judged: &Judged<'_>, now: Timestamp) -> Result<(), Failure> {
    let sink = link.session.client.copy_in(&link.sql.copy_events).await?;
    let mut rows = pin!(BinaryCopyInWriter::new(sink, StoredEvent::TYPES));
    for placed in &judged.events {
        rows.as_mut().write(&StoredEvent::of(placed, now).values()).await?;
    }
    rows.finish().await?;
    Ok(())
}
