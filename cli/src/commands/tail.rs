//! `annals streams tail [STREAM]`.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use annals::store::{LogFilter, LogQuery, Operate, StreamQuery};
use annals::{EventType, Position, RecordedEvent, StreamId, StreamVersion, Subscription};

use crate::ending::ending;
use crate::failure::Failure;
use crate::screen::Screen;

/// How many positions the search for the last events looks at first. It goes on with twice as many.
const FIRST_LOOK: u64 = 1_000;

/// How far back it looks in all, if few events are wanted ones.
const MAX_LOOK: u64 = 1_000_000;

/// How many events are read at a time by whoever shows them.
const PAGE: usize = 1_000;

/// Which events are shown.
pub(crate) struct Wanted {
    stream: Option<StreamId>,
    filter: LogFilter,
}

impl Wanted {
    pub(crate) fn new(stream: Option<StreamId>, types: Vec<String>, category: Vec<String>) -> Self {
        let mut filter = LogFilter {
            categories: category,
            event_types: types.into_iter().map(EventType::from).collect(),
            slices: None,
        };
        // A stream is looked for in its slice only.
        if let Some(stream) = &stream {
            let slice = stream.slice().get();
            filter.slices = Some(slice..slice + 1);
        }
        Self { stream, filter }
    }

    fn admits(&self, event: &RecordedEvent) -> bool {
        self.stream.as_ref().is_none_or(|stream| *stream == event.stream)
            && self.filter.admits(event)
    }
}

pub(crate) async fn tail(
    store: Arc<dyn Operate>,
    wanted: Wanted,
    after: Option<u64>,
    limit: usize,
    follow: bool,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let head = store.head().await?;
    let end = match after {
        Some(after) => {
            let after = Position::new(after);
            // A follower waits for what is yet to come; so far there is nothing to show.
            if after <= head {
                show_after(&*store, &wanted, after, head, screen).await?;
            }
            after.max(head)
        }
        None => {
            let events = last(&*store, &wanted, head, limit).await?;
            events.iter().try_for_each(|event| screen.event(event))?;
            head
        }
    };
    if !follow {
        return Ok(());
    }
    screen.flush()?;
    let mut subscription =
        Subscription::new(store, wanted.filter.clone(), end.min(head)).page_size(PAGE);
    let mut ending = pin!(ending());
    loop {
        let page = tokio::select! {
            () = &mut ending => return Ok(()),
            page = subscription.next() => page?,
        };
        let shown = page.events.iter().filter(|event| event.position > end && wanted.admits(event));
        for event in shown {
            screen.event(event)?;
        }
        screen.flush()?;
    }
}

/// Everything between two positions.
async fn show_after(
    store: &dyn Operate,
    wanted: &Wanted,
    after: Position,
    head: Position,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut query = LogQuery::after(after).up_to(head).filter(wanted.filter.clone()).limit(PAGE);
    while query.after < head {
        let page = store.read_log(&query).await?;
        page.check_after(query.after)?;
        for event in page.events.iter().filter(|event| wanted.admits(event)) {
            screen.event(event)?;
        }
        query.after = page.next;
    }
    Ok(())
}

/// The last events that are wanted, oldest first.
async fn last(
    store: &dyn Operate,
    wanted: &Wanted,
    head: Position,
    limit: usize,
) -> Result<VecDeque<RecordedEvent>, Failure> {
    if let (Some(stream), true) = (&wanted.stream, wanted.filter.event_types.is_empty()) {
        return last_of_stream(store, stream, limit).await;
    }
    let mut found = VecDeque::new();
    let (mut end, mut look) = (head.get(), FIRST_LOOK);
    while found.len() < limit && end > 0 && head.get() - end < MAX_LOOK {
        let begin = end.saturating_sub(look);
        let part = last_between(store, wanted, begin, end, limit - found.len()).await?;
        part.into_iter().rev().for_each(|event| found.push_front(event));
        (end, look) = (begin, look * 2);
    }
    if found.len() < limit && end > 0 {
        eprintln!(
            "annals: looked at the last {} events only; `--after POSITION` looks from there on",
            head.get() - end
        );
    }
    Ok(found)
}

/// The last events of a stream, oldest first.
async fn last_of_stream(
    store: &dyn Operate,
    stream: &StreamId,
    limit: usize,
) -> Result<VecDeque<RecordedEvent>, Failure> {
    let mut found = VecDeque::new();
    let mut query = StreamQuery::all(stream.clone()).backward();
    while found.len() < limit {
        query = query.limit((limit - found.len()).min(PAGE));
        let page = store.read_stream(&query).await?;
        let Some(first) = page.last() else { break };
        query.to = StreamVersion::new(first.version.get().saturating_sub(1));
        page.into_iter().for_each(|event| found.push_front(event));
    }
    Ok(found)
}

/// The last events that are wanted between two positions, oldest first.
async fn last_between(
    store: &dyn Operate,
    wanted: &Wanted,
    begin: u64,
    end: u64,
    limit: usize,
) -> Result<VecDeque<RecordedEvent>, Failure> {
    let end = Position::new(end);
    let mut query = LogQuery::after(Position::new(begin)).up_to(end).limit(PAGE);
    query = query.filter(wanted.filter.clone());
    let mut found = VecDeque::new();
    while query.after < end {
        let page = store.read_log(&query).await?;
        page.check_after(query.after)?;
        for event in page.events.into_iter().filter(|event| wanted.admits(event)) {
            if found.len() == limit {
                found.pop_front();
            }
            found.push_back(event);
        }
        query.after = page.next;
    }
    Ok(found)
}
