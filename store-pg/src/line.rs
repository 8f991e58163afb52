//! The appender's connection: whole batches and single events in one statement each.

use std::collections::HashSet;

use annals_core::store::{
    Append, Appended, AppendedStream, KeyedCommand, StoreError, StreamAppend,
};
use annals_core::{Position, StreamVersion, cut_time};
use deadpool_postgres::ClientWrapper;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::arguments::{Arguments, expectation};
use crate::columns::{metadata, slice};
use crate::connection::Connector;
use crate::error::{Failure, corrupt};
use crate::event_row::{JsonText, get, position};
use crate::link::Link;
use crate::session::Ready;

/// As `append_one.sql` lists them.
const ONE: [Type; 13] = [
    Type::TEXT,
    Type::INT8,
    Type::TEXT,
    Type::BYTEA,
    Type::UUID,
    Type::TEXT,
    Type::INT4,
    Type::INT2,
    Type::TIMESTAMPTZ,
    Type::JSON,
    Type::JSON,
    Type::TIMESTAMPTZ,
    Type::TEXT,
];

/// As `append_batch.sql` lists them.
const BATCH: [Type; 17] = [
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::TEXT_ARRAY,
    Type::BYTEA_ARRAY,
    Type::INT4_ARRAY,
    Type::INT4_ARRAY,
    Type::INT4_ARRAY,
    Type::UUID_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT4_ARRAY,
    Type::INT2_ARRAY,
    Type::TIMESTAMPTZ_ARRAY,
    Type::JSON_ARRAY,
    Type::JSON_ARRAY,
    Type::TIMESTAMPTZ,
    Type::BOOL,
    Type::TEXT,
];

/// Whether appends can be judged side by side in one statement: each to one stream that no other
/// touches, with events.
pub(crate) fn stand_alone<'a>(appends: impl IntoIterator<Item = &'a Append>) -> bool {
    let mut streams = HashSet::new();
    appends.into_iter().all(|append| match append.streams.as_slice() {
        [only] => !only.events.is_empty() && streams.insert(&only.stream),
        _ => false,
    })
}

/// A connection, and what is sent on it most.
pub(crate) struct Line {
    client: ClientWrapper,
    /// `None` behind a pooler, whose sessions make their plans as they like.
    one: Option<Ready>,
    batch: Ready,
}

impl Line {
    pub(crate) async fn open(connector: &Connector) -> Result<Self, StoreError> {
        let client = connector.own_patiently().await?;
        connector.plan_by_index(&client).await?;
        let Link { session, sql, .. } = connector.link(&client);
        let ready = async {
            let mut one = None;
            if !connector.options.pooler {
                one = Some(session.ready(&sql.append_one, &ONE).await?);
            }
            let batch = session.ready(&sql.append_batch, &BATCH).await?;
            Ok::<_, tokio_postgres::Error>((one, batch))
        };
        let limit = connector.options.statement_timeout;
        let ready = tokio::time::timeout(limit, ready).await;
        let ready = ready.map_err(|_| connector.silent(limit))?;
        let (one, batch) = ready.map_err(connector.failed())?;
        Ok(Self { client, one, batch })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(crate) fn link<'l>(&'l self, connector: &'l Connector) -> Link<'l> {
        connector.link(&self.client)
    }

    /// Appends that stand alone, in one statement and one commit. A conflict may be a repetition,
    /// which is for the caller to find out. Other processes hear of it on the channel `notified`.
    pub(crate) async fn append(
        &self,
        appends: &[&Append],
        now: Option<Timestamp>,
        notified: Option<&str>,
    ) -> Result<Vec<Result<Appended, StoreError>>, Failure> {
        if let (Some(one), [append]) = (&self.one, appends)
            && append.event_count() == 1
        {
            return Ok(vec![self.append_one(one, append, now, notified).await?]);
        }
        self.append_batch(appends, now, notified).await
    }

    async fn append_one(
        &self,
        one: &Ready,
        append: &Append,
        now: Option<Timestamp>,
        notified: Option<&str>,
    ) -> Result<Result<Appended, StoreError>, Failure> {
        let part = &append.streams[0];
        let event = &part.events[0];
        let row = self
            .send(
                one,
                &[
                    &part.stream.as_str(),
                    &expectation(part.expected),
                    &append.command.as_ref().map(KeyedCommand::as_str),
                    &fingerprint(append),
                    &event.id.get(),
                    &event.event_type.as_str(),
                    &event.schema_version.cast_signed(),
                    &slice(&part.stream),
                    &event.occurred_at.map(cut_time),
                    &JsonText(event.payload.as_str()),
                    &metadata(event),
                    &now,
                    &notified,
                ],
            )
            .await?;
        let (mut head, recorded_at) = (position(&row, 0)?.get(), get(&row, 1)?);
        Ok(judged(part, get(&row, 2)?, &mut head, recorded_at))
    }

    async fn append_batch<'a>(
        &self,
        appends: &[&'a Append],
        now: Option<Timestamp>,
        notified: Option<&str>,
    ) -> Result<Vec<Result<Appended, StoreError>>, Failure> {
        let parts: Vec<_> = appends.iter().map(|append| &append.streams[0]).collect();
        let streams: Vec<&str> = parts.iter().map(|part| part.stream.as_str()).collect();
        let expected: Vec<i64> = parts.iter().map(|part| expectation(part.expected)).collect();
        let key = |append: &&'a Append| append.command.as_ref().map(KeyedCommand::as_str);
        let keys: Vec<Option<&str>> = appends.iter().map(key).collect();
        let fingerprints: Vec<Option<&[u8]>> =
            appends.iter().map(|append| fingerprint(append)).collect();
        let counts: Vec<i32> = parts.iter().map(|part| part.events.len() as i32).collect();
        let mut arguments = Arguments::default();
        let (mut owners, mut places) = (Vec::new(), Vec::new());
        for (part, owner) in parts.iter().zip(1i32..) {
            for (event, place) in part.events.iter().zip(1i32..) {
                owners.push(owner);
                places.push(place);
                arguments.push(&part.stream, event);
            }
        }
        let row = self
            .send(
                &self.batch,
                &[
                    &streams,
                    &expected,
                    &keys,
                    &fingerprints,
                    &counts,
                    &owners,
                    &places,
                    &arguments.ids,
                    &arguments.types,
                    &arguments.schema_versions,
                    &arguments.slices,
                    &arguments.occurred_at,
                    &arguments.payloads,
                    &arguments.metadata,
                    &now,
                    &keys.iter().any(Option::is_some),
                    &notified,
                ],
            )
            .await?;
        let (mut head, recorded_at) = (position(&row, 0)?.get(), get(&row, 1)?);
        let before: Vec<i64> = get(&row, 2)?;
        let results = parts.iter().zip(before);
        Ok(results.map(|(part, before)| judged(part, before, &mut head, recorded_at)).collect())
    }

    async fn send(
        &self,
        statement: &Ready,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, Failure> {
        let rows = statement.query(&self.client, values).await?;
        let row = rows.into_iter().next();
        row.ok_or_else(|| corrupt("the append function returned nothing").into())
    }
}

fn fingerprint(append: &Append) -> Option<&[u8]> {
    append.command.as_ref()?.fingerprint.as_ref().map(|of| of.as_bytes().as_slice())
}

/// What became of an append whose stream stood at version `before`, with `head` the position behind
/// which it was written.
fn judged(
    part: &StreamAppend,
    before: i64,
    head: &mut u64,
    recorded_at: Timestamp,
) -> Result<Appended, StoreError> {
    let before = StreamVersion::new(before.unsigned_abs());
    if !part.expected.admits(before) {
        return Err(StoreError::Conflict {
            stream: part.stream.clone(),
            expected: part.expected,
            actual: before,
        });
    }
    *head += part.events.len() as u64;
    let after = before.plus(part.events.len() as u64);
    let streams = vec![AppendedStream { stream: part.stream.clone(), before, after }];
    Ok(Appended { streams, position: Position::new(*head), recorded_at, repeated: false })
}
