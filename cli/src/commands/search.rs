//! `annals events search`.

use annals::store::{LogFilter, LogQuery, Operate, StreamQuery};
use annals::{EventType, Position, RecordedEvent, Timestamp};

use crate::arguments::Search;
use crate::failure::Failure;
use crate::screen::{Progress, Screen, Unit};

/// How many events are read at a time.
const PAGE: usize = 1_000;

pub(crate) async fn search(
    store: &dyn Operate,
    search: &Search,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let head = store.head().await?;
    let mut begin = Position::new(search.after.unwrap_or(0));
    if let Some(since) = search.since {
        begin = begin.max(before_time(store, since, head).await?);
    }
    let end = match search.until {
        Some(until) => before_time(store, until, head).await?,
        None => head,
    };
    let mut found = Found { search, screen, count: 0, last: Position::START };
    match &search.stream {
        Some(_) => in_stream(store, begin, end, &mut found).await?,
        None => in_log(store, begin, end, &mut found).await?,
    }
    let (count, last) = (found.count, found.last);
    if count == 0 && search.limit > 0 {
        return Err(Failure::NotThere("no event was found".to_owned()));
    }
    if count == search.limit && last < end {
        eprintln!("annals: there may be more: go on with `--after {last}`, or raise `--limit`");
    }
    Ok(())
}

struct Found<'f> {
    search: &'f Search,
    screen: &'f mut Screen,
    count: usize,
    last: Position,
}

impl Found<'_> {
    fn is_full(&self) -> bool {
        self.count >= self.search.limit
    }

    /// Shows an event if it is one.
    fn look_at(&mut self, event: &RecordedEvent) -> Result<(), Failure> {
        let search = self.search;
        let is_it = (search.types.is_empty()
            || search.types.iter().any(|name| *name == event.event_type.as_str()))
            && (search.category.is_empty()
                || search.category.iter().any(|name| name == event.stream.category()))
            && (search.correlation.is_none()
                || search.correlation == event.metadata.correlation_id)
            && search.text.as_ref().is_none_or(|text| event.payload.as_str().contains(text));
        if is_it && !self.is_full() {
            self.screen.event(event)?;
            (self.count, self.last) = (self.count + 1, event.position);
        }
        Ok(())
    }
}

async fn in_stream(
    store: &dyn Operate,
    begin: Position,
    end: Position,
    found: &mut Found<'_>,
) -> Result<(), Failure> {
    let Some(stream) = &found.search.stream else { return Ok(()) };
    let mut query = StreamQuery::all(stream.clone()).limit(PAGE);
    loop {
        let page = store.read_stream(&query).await?;
        for event in page.iter().filter(|event| event.position > begin && event.position <= end) {
            found.look_at(event)?;
        }
        match page.last() {
            Some(last) if !found.is_full() && last.position < end => {
                query = query.after(last.version);
            }
            _ => return Ok(()),
        }
    }
}

async fn in_log(
    store: &dyn Operate,
    begin: Position,
    end: Position,
    found: &mut Found<'_>,
) -> Result<(), Failure> {
    let filter = LogFilter {
        categories: found.search.category.clone(),
        event_types: found.search.types.iter().map(|name| EventType::from(name.as_str())).collect(),
        slices: None,
    };
    let mut query = LogQuery::after(begin).up_to(end).filter(filter).limit(PAGE);
    let progress = Progress::new(Some(end.since(begin)), Unit::Events);
    while query.after < end && !found.is_full() {
        let page = store.read_log(&query).await?;
        page.check_after(query.after)?;
        page.events.iter().try_for_each(|event| found.look_at(event))?;
        query.after = page.next;
        progress.reach(query.after.since(begin));
        if found.count > 0 {
            found.screen.flush()?;
        }
    }
    Ok(())
}

/// The last position that was recorded before a time. Times never go back in a log, so they are looked
/// up as in a dictionary.
async fn before_time(
    store: &dyn Operate,
    time: Timestamp,
    head: Position,
) -> Result<Position, Failure> {
    // Everything up to `low` was recorded before, everything behind `high` was not.
    let (mut low, mut high) = (0, head.get());
    while low < high {
        let middle = low + (high - low) / 2;
        let page = store.read_log(&LogQuery::after(Position::new(middle)).limit(1)).await?;
        match page.events.first() {
            Some(event) if event.recorded_at < time => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(Position::new(low))
}
