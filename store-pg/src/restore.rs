//! Taking in events that were recorded in another store.

use std::collections::{HashMap, HashSet};

use annals_core::store::{PlacedAgain, Restore, Restored, Restoring, StoreError};
use annals_core::{EARLIEST_TIME, RecordedEvent, StreamId, StreamVersion};
use async_trait::async_trait;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::PgStore;
use crate::apart::apart;
use crate::columns::{StoredEvent, StoredEvents};
use crate::event_row::{get, version};
use crate::judge::Placed;
use crate::lent::Lent;
use crate::link::Link;
use crate::looks::{Looks, read_place};
use crate::transaction::PgTransaction;

#[async_trait]
impl Restore for PgStore {
    async fn restore(&self, events: Vec<RecordedEvent>) -> Result<Restored, StoreError> {
        let restoring = Restoring::check(events)?;
        self.mark().refuse_inside()?;
        let store = self.clone();
        apart(async move { restore(&store, restoring).await }).await
    }
}

async fn restore(store: &PgStore, restoring: Restoring) -> Result<Restored, StoreError> {
    store.writer()?;
    let lent = Lent::from(store.connector()).await?;
    let work = async |transaction: PgTransaction<'_>| {
        let link = transaction.link;
        let (placed, restored) = place(link, restoring).await?;
        if !placed.is_empty() {
            write(link, &placed).await?;
        }
        transaction.commit().await?;
        Ok(restored)
    };
    let restored = lent.transaction(work).await?;
    store.growth().grown(restored.head);
    Ok(restored)
}

/// Locks the log, and looks at what is there.
async fn place(
    link: Link<'_>,
    restoring: Restoring,
) -> Result<(Vec<PlacedAgain>, Restored), StoreError> {
    let looks = Looks::ready(link).await.map_err(link.failed())?;
    // With a time before all others the answer is when the last event was recorded.
    let locked = looks.lock(Some(EARLIEST_TIME)).await;
    let (head, last) = locked.map_err(|failure| failure.explained(link.connector))?;
    let ids: Vec<Uuid> = restoring.ids().map(|id| id.get()).collect();
    let streams: HashSet<&StreamId> = restoring.streams().collect();
    let streams: Vec<StreamId> = streams.into_iter().cloned().collect();
    let names: Vec<&str> = streams.iter().map(StreamId::as_str).collect();
    let found = link.query(&link.sql.find_events, &[(&ids, Type::UUID_ARRAY)]).await?;
    let found: HashMap<_, _> = found.iter().map(read_place).collect::<Result<_, _>>()?;
    let ends = link.query(&link.sql.stream_ends, &[(&names, Type::TEXT_ARRAY)]).await?;
    let mut versions: HashMap<StreamId, StreamVersion> = HashMap::new();
    for (stream, row) in streams.iter().zip(&ends) {
        if get::<Option<i64>>(row, 0)?.is_some() {
            versions.insert(stream.clone(), version(row, 0)?);
        }
    }
    restoring.place(
        (head, Some(last)),
        |id| Ok(found.get(&id).cloned()),
        |stream| Ok(versions.get(stream).copied().unwrap_or_default()),
    )
}

async fn write(link: Link<'_>, placed: &[PlacedAgain]) -> Result<(), StoreError> {
    let mut events = StoredEvents::default();
    for place in placed {
        let PlacedAgain { position, stream, version, recorded_at, event } = place;
        let placed = Placed { position: *position, stream, version: *version, event };
        events.push(StoredEvent::of(&placed, *recorded_at));
    }
    let insert = link.session.ready(&link.sql.insert_events, StoredEvents::TYPES).await;
    let insert = insert.map_err(link.failed())?;
    let written = insert.query(link.session.client, &events.values()).await;
    written.map(|_| ()).map_err(link.failed())
}
