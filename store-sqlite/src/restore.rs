//! Taking in events that were recorded in another store.

use annals_core::RecordedEvent;
use annals_core::store::{PlacedAgain, Restore, Restored, Restoring, StoreError};
use async_trait::async_trait;

use crate::SqliteStore;
use crate::append::{find_event, stream_end};
use crate::columns::StoredEvent;
use crate::job::{Group, Isolation, Size};
use crate::log::read_end;
use crate::statements::INSERT_EVENT;

#[async_trait]
impl Restore for SqliteStore {
    async fn restore(&self, events: Vec<RecordedEvent>) -> Result<Restored, StoreError> {
        let restoring = Restoring::check(events)?;
        let work = move |group: &mut Group<'_>| restore(group, restoring);
        self.writer()?.write(Isolation::Savepoint, Size::default(), work).await
    }
}

fn restore(group: &mut Group<'_>, restoring: Restoring) -> Result<Restored, StoreError> {
    let ends = read_end(group.connection, group.place)?;
    let (placed, restored) = restoring.place(
        ends,
        |id| find_event(group, id),
        |stream| stream_end(group, stream).map(|(version, _)| version),
    )?;
    for place in &placed {
        insert(group, place)?;
        group.head = place.position;
        // Whoever comes later into this commit is not recorded before.
        group.recorded_at = group.recorded_at.max(place.recorded_at);
    }
    Ok(restored)
}

fn insert(group: &mut Group<'_>, place: &PlacedAgain) -> Result<(), StoreError> {
    let stored = StoredEvent::of(&place.stream, place.version, &place.event, place.recorded_at);
    let inserted = group
        .connection
        .prepare_cached(&INSERT_EVENT)
        .and_then(|mut statement| statement.execute(stored.values()));
    inserted.map(|_| ()).map_err(|error| group.lost(error))
}
