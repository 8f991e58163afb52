//! `deadlines`: instances of a saga that all wait for a time: all for the same one, and how many are fired a
//! second; or so many a second, and how late they are.

use std::sync::Arc;
use std::time::Duration;

use annals::prelude::*;
use annals::sagas::{Commands, Correlation, Flow, Input, Saga, SagaEvent};
use annals::store::{Append, LogFilter, LogQuery, Store};
use annals::{Annals, EventType, ExpectedVersion, NewEvent, Position, Start, StreamId, Timestamp};

use super::saga::wait_for_head;
use crate::Failure;
use crate::domain::account;
use crate::measure::{Measured, Stopwatch};

/// So many instances are begun a second at the least, or there is no time before they are due.
const BEGUN: u64 = 1_000;

/// How long a program is given to start.
const LEAD: Duration = Duration::from_secs(10);

/// How many events are handed over at a time.
const CHUNK: u64 = 5_000;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "promise")]
enum PromiseEvent {
    /// By a time in milliseconds since 1970.
    Made { due_ms: i64 },
}

/// Waits for the time of a promise.
#[derive(Default)]
struct Promises;

impl Saga for Promises {
    type Event = PromiseEvent;
    const NAME: &'static str = "promises";
    const WITHIN: Duration = Duration::from_secs(24 * 3_600);

    fn commands() -> Commands {
        Commands::default()
    }

    fn start() -> Start {
        Start::Beginning
    }

    fn correlate(event: &Recorded<PromiseEvent>) -> Vec<Correlation> {
        vec![Correlation::start(event.stream.id())]
    }

    fn on(&mut self, event: &Recorded<PromiseEvent>, flow: &mut Flow) {
        let PromiseEvent::Made { due_ms } = event.data;
        flow.wake_at("kept", Timestamp::from_millisecond(due_ms).unwrap_or(Timestamp::MAX));
    }

    fn due(&mut self, _: &str, flow: &mut Flow) {
        flow.complete();
    }
}

/// Begins the instances, so long before the first of them is due that a program can be started.
pub(super) async fn prepare(
    store: &Arc<dyn Store>,
    pace: Option<u64>,
    timers: u64,
) -> Result<(), Failure> {
    let annals = Annals::on_shared(store.clone()).saga::<Promises>().start().await?;
    let first = Timestamp::now() + LEAD + Duration::from_secs(timers / BEGUN);
    let due_ms = |n: u64| first.as_millisecond() + pace.map_or(0, |pace| n * 1_000 / pace) as i64;
    let mut rest = 0..timers;
    while !rest.is_empty() {
        let chunk = rest.by_ref().take(CHUNK as usize).map(|n| {
            let stream = StreamId::new("promise", account(n))?;
            let made = NewEvent::of(&PromiseEvent::Made { due_ms: due_ms(n) })?;
            Ok(Append::to(stream, ExpectedVersion::NoStream, vec![made]))
        });
        annals.import(chunk.collect::<Result<Vec<_>, Failure>>()?).await?;
    }
    wait_for_head(&**store, timers * 2).await?;
    annals.shutdown().await;
    match Timestamp::now() < first {
        true => Ok(()),
        false => Err("making the deadlines took until they were due: choose fewer --events".into()),
    }
}

pub(super) async fn measure(
    store: Arc<dyn Store>,
    pace: Option<u64>,
    timers: u64,
) -> Result<Measured, Failure> {
    let begun = Position::new(timers * 2);
    let first = first_due(&*store).await?;
    let builder = Annals::on_shared(store.clone()).saga::<Promises>();
    // All at once are late for whoever starts behind them; what comes at a pace is waited for.
    let (annals, watch) = match pace {
        None => {
            wait_until(first).await;
            let watch = Stopwatch::start()?;
            (builder.start().await?, watch)
        }
        Some(_) => {
            let annals = builder.start().await?;
            wait_until(first).await;
            (annals, Stopwatch::start()?)
        }
    };
    wait_for_head(&*store, begun.get() + timers).await?;
    let measured = watch.stop(timers)?;
    annals.shutdown().await;
    let late = late(&*store, begun).await?;
    if late.len() as u64 != timers {
        return Err(format!("{} of {timers} deadlines were fired", late.len()).into());
    }
    Ok(if pace.is_some() { measured.with_times(late) } else { measured })
}

async fn wait_until(time: Timestamp) {
    // Nothing if it is over.
    let left = Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or_default();
    tokio::time::sleep(left).await;
}

async fn first_due(store: &dyn Store) -> Result<Timestamp, Failure> {
    let page = store.read_log(&LogQuery::after(Position::START).limit(1)).await?;
    let event = page.events.into_iter().next().ok_or("there are no deadlines")?;
    let PromiseEvent::Made { due_ms } = Recorded::decode(event)?.data;
    Ok(Timestamp::from_millisecond(due_ms)?)
}

/// By how much each deadline was late, as the steps behind a position say.
async fn late(store: &dyn Store, begun: Position) -> Result<Vec<Duration>, Failure> {
    let filter = LogFilter {
        event_types: vec![EventType::from_static("annals.saga.stepped")],
        ..LogFilter::default()
    };
    let (mut after, mut late) = (begun, Vec::new());
    loop {
        let page = store.read_log(&LogQuery::after(after).filter(filter.clone())).await?;
        for event in page.events {
            let SagaEvent::Stepped { step } = Recorded::decode(event)?.data else { continue };
            let Input::Due { at, .. } = step.input else { continue };
            late.push(Duration::try_from(step.at.duration_since(at)).unwrap_or_default());
        }
        if page.next >= page.head || page.next == after {
            return Ok(late);
        }
        after = page.next;
    }
}
