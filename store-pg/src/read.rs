//! Reading a stream.

use std::pin::pin;

use annals_core::store::{
    PageRoom, PayloadVisitor, ReadDirection, StoreError, StoredPayload, StreamQuery,
};
use annals_core::{Position, RecordedEvent, StreamId, StreamVersion};
use futures_util::TryStreamExt;
use tokio_postgres::types::Type;

use crate::event_row::{EventReader, JsonText, get, position, signed};
use crate::link::Link;
use crate::portion::Read;
use crate::session::Bound;

pub(crate) async fn read_stream(
    link: Link<'_>,
    query: &StreamQuery,
) -> Result<Read<Vec<RecordedEvent>>, StoreError> {
    let mut query = query.clone();
    let mut room = PageRoom::new(query.limit, query.bytes);
    let mut page = Vec::new();
    if query.limit == 0 {
        return Ok(Read { page, cut_off: false });
    }
    loop {
        let portion = link.connector.event_size.portion(room.events(), room.bytes());
        let (some, more) = read_portion(link, &query, portion, &mut room).await?;
        link.connector.event_size.learn(&some);
        let asked_for_all = some.len() == portion;
        match (some.last().map(|last| last.version), query.direction) {
            (Some(last), ReadDirection::Forward) => query.from = last.plus(1),
            (Some(last), ReadDirection::Backward) => {
                query.to = StreamVersion::new(last.get().saturating_sub(1));
            }
            (None, _) => {}
        }
        page.extend(some);
        if !more || !asked_for_all {
            return Ok(Read { page, cut_off: !more && !asked_for_all });
        }
    }
}

/// Reads until the portion or the room ends, and says whether there is room left.
async fn read_portion(
    link: Link<'_>,
    query: &StreamQuery,
    portion: usize,
    room: &mut PageRoom,
) -> Result<(Vec<RecordedEvent>, bool), StoreError> {
    let text = match query.direction {
        ReadDirection::Forward => &link.sql.read_stream_forward,
        ReadDirection::Backward => &link.sql.read_stream_backward,
    };
    let stream = query.stream.as_str();
    let (from, to) = (signed(query.from.get()), signed(query.to.get()));
    let limit = portion as i64;
    let parameters: [Bound<'_>; 4] =
        [(&stream, Type::TEXT), (&from, Type::INT8), (&to, Type::INT8), (&limit, Type::INT8)];
    let mut rows = pin!(link.stream(text, &parameters).await?);
    let mut reader = EventReader::default();
    let (mut events, mut more) = (Vec::new(), true);
    while more && let Some(row) = rows.try_next().await? {
        let event = reader.read(&row)?;
        more = room.take(&event);
        events.push(event);
    }
    Ok((events, more))
}

pub(crate) async fn visit_stream(
    link: Link<'_>,
    stream: &StreamId,
    (after, up_to): (StreamVersion, StreamVersion),
    mut visitor: PayloadVisitor,
) -> Result<Position, StoreError> {
    let stream = stream.as_str();
    let (above, up_to) = (signed(after.get()), signed(up_to.get()));
    let parameters: [Bound<'_>; 3] =
        [(&stream, Type::TEXT), (&above, Type::INT8), (&up_to, Type::INT8)];
    let mut rows = pin!(link.stream(&link.sql.visit_stream, &parameters).await?);
    let (mut version, mut last) = (after, Position::START);
    while let Some(row) = rows.try_next().await? {
        version = version.plus(1);
        let event = StoredPayload {
            version,
            event_type: get(&row, 0)?,
            schema_version: get::<Option<i32>>(&row, 1)?.map_or(1, i32::cast_unsigned),
            payload: get::<JsonText<&str>>(&row, 2)?.0,
        };
        last = position(&row, 3)?;
        if visitor(event).is_break() {
            break;
        }
    }
    Ok(last)
}
