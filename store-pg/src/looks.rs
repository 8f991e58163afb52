//! What is looked at under the lock before appends are judged, each with one statement for all of them.

use std::collections::{HashMap, HashSet};

use annals_core::store::{Append, Appended, CommandRecord, KeyedCommand, StoreError, StoredPlace};
use annals_core::{
    EventId, EventType, ExpectedVersion, Payload, Position, StreamId, StreamVersion,
};
use futures_util::future::join;
use jiff::Timestamp;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use crate::commands::read_command;
use crate::error::{Failure, corrupt};
use crate::event_row::{JsonText, get, position, version};
use crate::judge::{Ends, Stood, first_result};
use crate::link::Link;
use crate::session::Ready;

/// The statements, made ready so that they are sent in the order in which they are asked for.
pub(crate) struct Looks<'s> {
    client: &'s Client,
    lock: Ready,
    end: Ready,
    ends: Ready,
    commands: Ready,
    events: Ready,
    stood: Ready,
}

/// Where a stream ends.
type End = (StreamId, (StreamVersion, Position));

impl<'s> Looks<'s> {
    pub(crate) async fn ready(link: Link<'s>) -> Result<Self, tokio_postgres::Error> {
        let Link { session, sql, .. } = link;
        Ok(Self {
            client: session.client,
            lock: session.ready(&sql.lock_log, &[]).await?,
            end: session.ready(&sql.read_end, &[Type::TIMESTAMPTZ]).await?,
            ends: session.ready(&sql.stream_ends, &[Type::TEXT_ARRAY]).await?,
            commands: session.ready(&sql.find_commands, &[Type::TEXT_ARRAY]).await?,
            events: session.ready(&sql.find_events, &[Type::UUID_ARRAY]).await?,
            stood: session.ready(&sql.stood_at, &[Type::TEXT_ARRAY, Type::INT8_ARRAY]).await?,
        })
    }

    /// Locks the log until the transaction ends, and reads its end: where it is, and when what follows
    /// is recorded. Both go out together; the second sees what was committed while the first waited.
    pub(crate) async fn lock(
        &self,
        now: Option<Timestamp>,
    ) -> Result<(Position, Timestamp), Failure> {
        let (locked, end) =
            join(self.lock.query(self.client, &[]), self.end.query(self.client, &[&now])).await;
        let (locked, end) = (locked?.into_iter().next(), end?.into_iter().next());
        if locked.map_or(Ok(None), |row| get::<Option<String>>(&row, 0))?.is_none() {
            let why = "a transaction that appends must be READ COMMITTED: any other does not see \
                       what was appended while it waited for the log; begin it with `BEGIN \
                       ISOLATION LEVEL READ COMMITTED`";
            return Err(StoreError::Invalid { why: why.to_owned() }.into());
        }
        let end = end.ok_or_else(|| corrupt("the end of the log gives no answer"))?;
        Ok((position(&end, 0)?, get(&end, 1)?))
    }

    /// The ends of those streams of which nothing is known.
    pub(crate) async fn ends(
        &self,
        appends: &[&Append],
        known: &Ends,
    ) -> Result<Vec<End>, Failure> {
        let mentioned = appends.iter().flat_map(|append| &append.streams).map(|part| &part.stream);
        let wanted: HashSet<&StreamId> = mentioned.filter(|stream| !known.knows(stream)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<&StreamId> = wanted.into_iter().collect();
        let names: Vec<&str> = wanted.iter().map(|stream| stream.as_str()).collect();
        let rows = self.ends.query(self.client, &[&names]).await?;
        let mut ends = Vec::new();
        for (stream, row) in wanted.into_iter().zip(&rows) {
            if get::<Option<i64>>(row, 0)?.is_some() {
                ends.push((stream.clone(), (version(row, 0)?, position(row, 1)?)));
            }
        }
        Ok(ends)
    }

    pub(crate) async fn commands(
        &self,
        appends: &[&Append],
    ) -> Result<Vec<(String, CommandRecord)>, Failure> {
        let keys = appends.iter().filter_map(|append| append.command.as_ref());
        let keys: Vec<&str> = keys.map(KeyedCommand::as_str).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.commands.query(self.client, &[&keys]).await?;
        Ok(rows.iter().map(read_command).collect::<Result<_, _>>()?)
    }

    /// Those events of some appends that are stored already.
    pub(crate) async fn events(
        &self,
        appends: &[&Append],
    ) -> Result<Vec<(EventId, StoredPlace)>, Failure> {
        let events =
            appends.iter().flat_map(|append| &append.streams).flat_map(|part| &part.events);
        let ids: Vec<Uuid> = events.map(|event| event.id.get()).collect();
        let rows = self.events.query(self.client, &[&ids]).await?;
        Ok(rows.iter().map(read_place).collect::<Result<_, StoreError>>()?)
    }

    /// Where streams stood that an append of before only checked, unless it said so itself.
    pub(crate) async fn stood(
        &self,
        appends: &[&Append],
        events: &HashMap<EventId, StoredPlace>,
    ) -> Result<Vec<Stood>, Failure> {
        let (mut streams, mut before) = (Vec::new(), Vec::new());
        for append in appends {
            let mut ids = append.streams.iter().flat_map(|part| &part.events);
            let Some(first) = ids.find_map(|event| events.get(&event.id)) else { continue };
            let only_checked = append.streams.iter().filter(|part| {
                let says = matches!(part.expected, ExpectedVersion::Exact(_));
                part.events.is_empty() && !says
            });
            for part in only_checked {
                streams.push(&part.stream);
                before.push(first.position);
            }
        }
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<&str> = streams.iter().map(|stream| stream.as_str()).collect();
        let places: Vec<i64> = before.iter().map(|at| crate::event_row::signed(at.get())).collect();
        let rows = self.stood.query(self.client, &[&names, &places]).await?;
        let stood = streams.into_iter().zip(before).zip(&rows);
        Ok(stood
            .map(|((stream, before), row)| {
                Ok(Stood { stream: stream.clone(), before, version: version(row, 0)? })
            })
            .collect::<Result<_, StoreError>>()?)
    }
}

pub(crate) fn read_place(row: &Row) -> Result<(EventId, StoredPlace), StoreError> {
    let place = StoredPlace {
        position: position(row, 1)?,
        stream: StreamId::parse(get::<&str>(row, 2)?).map_err(corrupt)?,
        version: version(row, 3)?,
        recorded_at: get(row, 4)?,
        event_type: EventType::from(get::<&str>(row, 5)?),
        payload: Payload::from_stored(get::<JsonText<&str>>(row, 6)?.0),
    };
    Ok((EventId::new(get(row, 0)?), place))
}

/// The results of those appends that have been made before, each as it was.
pub(crate) async fn first_results(
    link: Link<'_>,
    appends: &[&Append],
) -> Result<Vec<Option<Result<Appended, StoreError>>>, Failure> {
    let looks = Looks::ready(link).await?;
    let (commands, events) = join(looks.commands(appends), looks.events(appends)).await;
    let commands: HashMap<String, CommandRecord> = commands?.into_iter().collect();
    let events: HashMap<EventId, StoredPlace> = events?.into_iter().collect();
    let stood = looks.stood(appends, &events).await?;
    Ok(appends
        .iter()
        .map(|append| first_result(append, &commands, &events, &stood).transpose())
        .collect())
}
