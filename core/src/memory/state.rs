//! All that a memory store holds.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use crate::envelope::{EventId, RecordedEvent};
use crate::names::{Position, StreamId, StreamVersion};
use crate::schema::RegisteredSchema;
use crate::store::{CommandRecord, Fence, SnapshotRecord};
use crate::table::{KeyValues, Row, TableSpec};

#[derive(Default)]
pub(super) struct State {
    /// The log: position p stands at index p - 1.
    pub(super) events: Vec<RecordedEvent>,
    /// The positions of each stream's events, in order.
    pub(super) streams: HashMap<StreamId, Vec<Position>>,
    pub(super) ids: HashMap<EventId, Position>,
    pub(super) commands: HashMap<String, CommandRecord>,
    pub(super) schemas: BTreeMap<(String, u32), RegisteredSchema>,
    /// By stream and by the state's name.
    pub(super) snapshots: HashMap<(StreamId, String), SnapshotRecord>,
    pub(super) checkpoints: HashMap<String, Fence>,
    pub(super) states: HashMap<String, String>,
    pub(super) tables: HashMap<String, Table>,
    /// Which table each view shows.
    pub(super) views: HashMap<String, String>,
}

pub(super) struct Table {
    pub(super) spec: TableSpec,
    pub(super) rows: BTreeMap<SortedKey, Row>,
}

/// A key that sorts as its values do.
#[derive(Debug, Clone)]
pub(super) struct SortedKey(pub(super) KeyValues);

impl Ord for SortedKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.0.iter().zip(&other.0);
        pairs
            .map(|(a, b)| a.order(b))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for SortedKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortedKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SortedKey {}

impl State {
    pub(super) fn head(&self) -> Position {
        Position::new(self.events.len() as u64)
    }

    pub(super) fn version(&self, stream: &StreamId) -> StreamVersion {
        let events = self.streams.get(stream).map_or(0, Vec::len);
        StreamVersion::new(events as u64)
    }

    /// The version of a stream before a position.
    pub(super) fn version_before(&self, stream: &StreamId, before: Position) -> StreamVersion {
        let positions = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
        StreamVersion::new(positions.partition_point(|&position| position < before) as u64)
    }

    /// The event at a position that exists.
    pub(super) fn event(&self, position: Position) -> &RecordedEvent {
        &self.events[position.get() as usize - 1]
    }

    /// The table of this name, or the one that a view of this name shows.
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        let name = self.views.get(name).map_or(name, String::as_str);
        self.tables.get(name)
    }
}
