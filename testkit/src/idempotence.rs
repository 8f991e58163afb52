//! Each event delivered one to n times, writes whose replies are lost: the same rows all the same.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use annals_core::store::{Append, EventStore};
use annals_core::{
    EventId, ExpectedVersion, IdGenerator, Journal, JournalOptions, MemoryStore, NewEvent, StreamId,
};
use annals_projections::{Definition, EngineOptions, Mode, Projection, Projections};

use crate::{FaultyStore, ManualClock, Operation, SequentialIds};

/// How long a projection may take for a test's handful of events before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a projection over `events` as they are, and again with each event delivered one to `times` times
/// and with writes that fail or whose replies are lost, and expects the same rows each time. A
/// fold that depends on anything but its arguments, such as the system's time, is noticed too. The
/// events happen a second apart, with the same times and ids in each run, so a row may keep those.
///
/// # Panics
/// When the rows differ, with both.
pub async fn assert_idempotent<P>(projection: P, events: &[(StreamId, P::Event)], times: u64)
where
    P: Projection,
    P::Row: PartialEq + Debug,
{
    let definition = Definition::projection(projection, Mode::Async);
    let expected = rows::<P>(&definition, events, 1, 0).await;
    for delivered in 2..=times {
        let rows = rows::<P>(&definition, events, delivered, 0).await;
        assert_eq!(rows, expected, "each event delivered one to {delivered} times");
    }
    for lost in 1..=times {
        let rows = rows::<P>(&definition, events, times, lost).await;
        assert_eq!(rows, expected, "with the replies of {lost} writes lost");
    }
}

async fn rows<P: Projection>(
    definition: &Definition,
    events: &[(StreamId, P::Event)],
    delivered: u64,
    lost: u64,
) -> Vec<P::Row> {
    // Each run has the same times and ids, so that a row may keep those of its events.
    let clock = Arc::new(ManualClock::default());
    let store = FaultyStore::new(Arc::new(MemoryStore::with_clock(clock.clone())));
    let faults = store.faults().clone();
    let options = JournalOptions { clock: clock.clone(), ..JournalOptions::default() };
    let journal = Journal::new(Arc::new(store), options);
    let ids = SequentialIds::default();
    journal.register::<P::Event>().await.expect("the events hold together");
    for (stream, event) in events {
        let event = NewEvent::of(event).expect("an event can be written");
        let event = event.with_id(EventId::new(ids.next()));
        let append = Append::to(stream.clone(), ExpectedVersion::Any, vec![event]);
        journal.append(append).await.expect("an event fits its own schema");
        clock.advance(Duration::from_secs(1));
    }
    faults.redeliver(delivered);
    let millisecond = Duration::from_millis(1);
    let options = EngineOptions {
        // Many small batches, and no long pauses after the failures asked for.
        page_events: 3,
        batch_events: 3,
        retry_after: millisecond,
        retry_at_most: millisecond,
        ..EngineOptions::default()
    };
    let running = Projections::start(journal.clone(), vec![definition.clone()], options)
        .await
        .expect("the projection starts");
    for n in 0..lost {
        faults.lose_reply(Operation::Transact, 2 * n + 1);
        faults.lose_request(Operation::Transact, 2 * n + 2);
    }
    let head = EventStore::head(&**journal.log()).await.expect("the store can be read");
    running.wait_for(head, PATIENCE).await.expect("the projection gets to the end");
    let rows = running.read::<P::Row>().list().await.expect("the rows can be read");
    running.stop().await;
    rows
}
