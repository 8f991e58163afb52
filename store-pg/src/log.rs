//! Reading the log.

use std::pin::pin;

use annals_core::store::{LogFilter, LogPage, LogQuery, PageRoom, StoreError};
use annals_core::{Position, RecordedEvent};
use futures_util::TryStreamExt;
use tokio_postgres::types::Type;

use crate::columns::{READ, at};
use crate::error::corrupt;
use crate::event_row::{EventReader, get, position, signed};
use crate::link::Link;
use crate::portion::Read;
use crate::session::Bound;

/// Where `read_log*.sql` puts the head.
const HEAD_COLUMN: usize = READ;

/// How many positions one page looks at when its filter admits few of them: it bounds the time a
/// reader is busy.
const MAX_SCANNED: u64 = 200_000;

pub(crate) async fn read_head(link: Link<'_>) -> Result<Position, StoreError> {
    let row = link.query_opt(&link.sql.read_head, &[]).await?;
    position(&row.ok_or_else(|| corrupt("there is no answer"))?, 0)
}

/// Reads a page. The head comes with its first portion, from the same snapshot: what lies at or below it
/// is in the page, because positions become visible in their order.
pub(crate) async fn read_log(
    link: Link<'_>,
    query: &LogQuery,
) -> Result<Read<LogPage>, StoreError> {
    let mut rest = query.clone();
    let mut room = PageRoom::new(query.limit, query.bytes);
    let mut page: Option<LogPage> = None;
    loop {
        let portion = link.connector.event_size.portion(room.events(), room.bytes());
        let read = read_portion(link, &rest, portion, &mut room).await?;
        let Portion { page: part, is_full, more } = read;
        link.connector.event_size.learn(&part.events);
        let read = match page.take() {
            None => part,
            Some(mut page) => {
                page.events.extend(part.events);
                let looked_at = page.looked_at + part.looked_at;
                LogPage { next: part.next, looked_at, ..page }
            }
        };
        if !more || !is_full {
            return Ok(Read { page: read, cut_off: !more && !is_full });
        }
        rest.after = read.next;
        rest.up_to = rest.up_to.min(read.head);
        page = Some(read);
    }
}

/// A part of a page.
struct Portion {
    page: LogPage,
    /// As many events were found as were asked for.
    is_full: bool,
    /// There is room for more.
    more: bool,
}

async fn read_portion(
    link: Link<'_>,
    query: &LogQuery,
    portion: usize,
    room: &mut PageRoom,
) -> Result<Portion, StoreError> {
    let everything = query.filter == LogFilter::default();
    let window = if everything { portion as u64 } else { MAX_SCANNED };
    let end = query.up_to.min(Position::new(query.after.get().saturating_add(window)));
    let (after, up_to) = (signed(query.after.get()), signed(end.get()));
    let limit = portion as i64;
    let mut parameters: Vec<Bound<'_>> =
        vec![(&after, Type::INT8), (&up_to, Type::INT8), (&limit, Type::INT8)];
    let filter = Filter::of(&query.filter);
    let text = if everything {
        &link.sql.read_log
    } else {
        parameters.extend(filter.parameters());
        &link.sql.read_log_filtered
    };
    let mut rows = pin!(link.stream(text, &parameters).await?);
    let mut reader = EventReader::default();
    let (mut events, mut head, mut more) = (Vec::new(), Position::START, portion > 0);
    while let Some(row) = rows.try_next().await? {
        if events.is_empty() {
            let end = get::<Option<i64>>(&row, HEAD_COLUMN)?;
            head = end.map_or(Ok(Position::START), |_| position(&row, HEAD_COLUMN))?;
            events.reserve_exact(head.since(query.after).min(portion as u64) as usize);
        }
        if get::<Option<i64>>(&row, at::position)?.is_some() {
            let event = reader.read(&row)?;
            more = room.take(&event);
            events.push(event);
        }
        if !more && portion > 0 {
            break;
        }
    }
    // They come as they were read, which no standard promises of a join; sorted, it costs nothing.
    events.sort_by_key(|event: &RecordedEvent| event.position);
    let is_full = events.len() == portion;
    let next = match events.last() {
        // A page of nothing has looked at nothing.
        _ if portion == 0 => query.after,
        Some(last) if is_full || !more => last.position,
        // Everything up to here has been looked at.
        _ => end.min(head).max(query.after),
    };
    // Positions are dense.
    let looked_at = next.since(query.after);
    Ok(Portion { page: LogPage { events, looked_at, next, head }, is_full, more })
}

/// A filter as parameters.
struct Filter<'q> {
    types: Option<Vec<&'q str>>,
    categories: Option<Vec<&'q str>>,
    first_slice: i16,
    slice_behind: i16,
}

impl<'q> Filter<'q> {
    fn of(filter: &'q LogFilter) -> Self {
        let slice = |slice: u16| i16::try_from(slice).unwrap_or(i16::MAX);
        let types: Vec<&str> = filter.event_types.iter().map(|wanted| wanted.as_str()).collect();
        let categories: Vec<&str> = filter.categories.iter().map(String::as_str).collect();
        let slices = filter.slices.clone().unwrap_or(0..u16::MAX);
        Self {
            types: (!types.is_empty()).then_some(types),
            categories: (!categories.is_empty()).then_some(categories),
            first_slice: slice(slices.start),
            slice_behind: slice(slices.end),
        }
    }

    fn parameters(&self) -> [Bound<'_>; 4] {
        [
            (&self.types, Type::TEXT_ARRAY),
            (&self.categories, Type::TEXT_ARRAY),
            (&self.first_slice, Type::INT2),
            (&self.slice_behind, Type::INT2),
        ]
    }
}
