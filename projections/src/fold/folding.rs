//! Folding events into rows in memory, and writing the merged rows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use annals_consumers::{Until, Wrote};
use annals_core::store::Transaction;
use annals_core::table::{Condition, MAX_ROWS, Row, RowQuery, TableSpec};
use annals_core::{Event, Recorded, RecordedEvent, StreamId};
use async_trait::async_trait;

use super::keys::Inner;
use super::{Fold, Keys, Projection, RowSource};
use crate::error::{FailedEvent, ProjectionError};
use crate::read_model::{ReadModel, RowKey};
use crate::run::Partitions;

/// How many rows stay in memory after they were written, so that the next batch need not read
/// them again.
const REMEMBERED_ROWS: usize = 20_000;

/// How many events are decoded at a time: few enough that they are still in the processor's cache
/// when they are folded, enough that their rows are looked up together.
const CHUNK: usize = 1_000;

type KeyOf<P> = <<P as Projection>::Row as ReadModel>::Key;

pub(crate) struct Folding<P: Projection> {
    projection: Arc<P>,
    table: TableSpec,
    /// Where the slot of each key stands.
    places: HashMap<KeyOf<P>, usize>,
    slots: Vec<Slot<P>>,
    touched: usize,
}

struct Slot<P: Projection> {
    key: KeyOf<P>,
    row: Option<P::Row>,
    stored: bool,
    touched: bool,
}

impl<P: Projection> Folding<P> {
    /// A fold into a table with the shape of the read model's.
    pub(crate) fn new(projection: Arc<P>, table: TableSpec) -> Self {
        Self { projection, table, places: HashMap::new(), slots: Vec::new(), touched: 0 }
    }

    /// The rows as they stand in memory.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = (KeyOf<P>, P::Row)> {
        self.slots.into_iter().filter_map(|slot| Some((slot.key, slot.row?)))
    }

    /// Finds a slot for every key, in order, and looks up the rows that are not in memory.
    async fn load(
        &mut self,
        routed: &[Routed<P>],
        source: &mut dyn RowSource,
    ) -> Result<Vec<usize>, ProjectionError> {
        let mut places = Vec::with_capacity(routed.len());
        let mut wanted = Vec::new();
        for key in routed.iter().flat_map(|(keys, _)| keys.as_slice()) {
            let place = match self.places.get(key) {
                Some(place) => *place,
                None => {
                    wanted.push(P::Row::key_values(key));
                    self.add(key)
                }
            };
            places.push(place);
        }
        if wanted.is_empty() {
            return Ok(places);
        }
        for row in source.load(&self.table, &wanted).await? {
            let row = P::Row::from_row(row)?;
            // A row that is taken for another's would be written over from nothing.
            let Some(place) = self.places.get(&row.key()) else {
                return Err(ProjectionError::StrangeRow { table: self.table.name.clone() });
            };
            let slot = &mut self.slots[*place];
            (slot.row, slot.stored) = (Some(row), true);
        }
        Ok(places)
    }

    /// Finds the slots of the rows that meet conditions now: those in memory as they stand there, and
    /// those that are stored and not in memory.
    async fn matching(
        &mut self,
        conditions: &[Condition],
        source: &mut dyn RowSource,
    ) -> Result<Vec<usize>, ProjectionError> {
        let mut query =
            RowQuery { conditions: conditions.to_vec(), limit: MAX_ROWS, ..RowQuery::default() };
        query.check(&self.table)?;
        let meets = |row: &P::Row| {
            let row = row.to_row();
            let mut all = conditions.iter();
            // The columns have been checked.
            all.all(|c| self.table.column(c.column).is_some_and(|place| c.admits(&row[place])))
        };
        let slots = self.slots.iter().enumerate();
        let there = slots.filter(|(_, slot)| slot.row.as_ref().is_some_and(meets));
        let mut places: Vec<usize> = there.map(|(place, _)| place).collect();
        loop {
            let rows = source.query(&self.table, &query).await?;
            let last = rows.len() < MAX_ROWS as usize;
            query.offset += u64::from(MAX_ROWS);
            for row in rows {
                let row = P::Row::from_row(row)?;
                let key = row.key();
                if !self.places.contains_key(&key) {
                    let place = self.add(&key);
                    let slot = &mut self.slots[place];
                    (slot.row, slot.stored) = (Some(row), true);
                    places.push(place);
                }
            }
            if last {
                return Ok(places);
            }
        }
    }

    fn fold_one(&mut self, place: usize, event: &Recorded<P::Event>) {
        let slot = &mut self.slots[place];
        self.touched += usize::from(!slot.touched);
        slot.touched = true;
        self.projection.fold(&slot.key, &mut slot.row, event);
        // The next event meets the row as it would come back from the database.
        slot.row.iter_mut().for_each(ReadModel::settle);
    }

    fn add(&mut self, key: &KeyOf<P>) -> usize {
        let place = self.slots.len();
        self.places.insert(key.clone(), place);
        self.slots.push(Slot { key: key.clone(), row: None, stored: false, touched: false });
        place
    }

    fn clear(&mut self) {
        self.places.clear();
        self.slots.clear();
    }
}

/// An event and the keys of the rows it touches.
type Routed<P> = (Keys<KeyOf<P>>, Recorded<<P as Projection>::Event>);

/// Reads a payload and finds the keys.
fn route<P: Projection>(
    projection: &P,
    event: RecordedEvent,
) -> Result<Routed<P>, ProjectionError> {
    let (event_type, payload) = (event.event_type.as_str(), event.payload.as_str());
    let event = match P::Event::decode(event_type, event.schema_version, payload) {
        Ok(data) => Recorded { data, envelope: event },
        Err(source) => {
            let event = FailedEvent::of(&event);
            return Err(ProjectionError::Decode { event, source: Arc::new(source) });
        }
    };
    match projection.keys(&event) {
        Keys(Inner::Invalid(source)) => {
            Err(ProjectionError::Key { event: FailedEvent::of_recorded(&event), source })
        }
        keys => {
            let keys = keys.settled();
            if P::PARTITIONS == Partitions::ById {
                check_partition::<P>(&keys, &event)?;
            }
            Ok((keys, event))
        }
    }
}

/// A row of another id may belong to another partition, which writes it at the same time.
fn check_partition<P: Projection>(
    keys: &Keys<KeyOf<P>>,
    event: &Recorded<P::Event>,
) -> Result<(), ProjectionError> {
    match &keys.0 {
        Inner::Matching(_) => {}
        _ if keys.as_slice().is_empty() => return Ok(()),
        _ => {}
    }
    let own = KeyOf::<P>::of_stream(&event.stream).map(|mut own| {
        own.settle();
        own
    });
    match own {
        Ok(own) if keys.as_slice() == std::slice::from_ref(&own) => Ok(()),
        _ => Err(ProjectionError::OtherPartition { event: FailedEvent::of_recorded(event) }),
    }
}

impl<K: RowKey> Keys<K> {
    /// Two keys that a database cannot tell apart are one, and one event is folded once into a row,
    /// however often it names it.
    fn settled(mut self) -> Self {
        match &mut self.0 {
            Inner::None | Inner::Invalid(_) | Inner::Matching(_) => {}
            Inner::One(key) => key.settle(),
            Inner::Several(keys) => {
                keys.iter_mut().for_each(RowKey::settle);
                let mut seen = HashSet::with_capacity(keys.len());
                keys.retain(|key| seen.insert(key.clone()));
            }
        }
        self
    }
}

impl<K> Keys<K> {
    fn as_slice(&self) -> &[K] {
        match &self.0 {
            Inner::None | Inner::Invalid(_) | Inner::Matching(_) => &[],
            Inner::One(key) => std::slice::from_ref(key),
            Inner::Several(keys) => keys,
        }
    }
}

#[async_trait]
impl<P: Projection> Fold for Folding<P> {
    async fn take_in(
        &mut self,
        events: Vec<RecordedEvent>,
        rows: &mut dyn RowSource,
    ) -> Result<(), ProjectionError> {
        let mut events = events.into_iter();
        while events.len() > 0 {
            let chunk = events.by_ref().take(CHUNK);
            let routed = chunk
                .map(|event| route(&*self.projection, event))
                .collect::<Result<Vec<_>, _>>()?;
            let mut places = self.load(&routed, rows).await?.into_iter();
            for (keys, event) in &routed {
                if let Keys(Inner::Matching(conditions)) = keys {
                    for place in self.matching(conditions, rows).await? {
                        self.fold_one(place, event);
                    }
                }
                for place in places.by_ref().take(keys.as_slice().len()) {
                    self.fold_one(place, event);
                }
            }
        }
        Ok(())
    }

    fn begin_key(&mut self, id: &str) -> Result<(), String> {
        // The category plays no part.
        let stream = StreamId::parse(format!("id-{id}")).map_err(|error| error.to_string())?;
        let key = KeyOf::<P>::of_stream(&stream);
        let mut key =
            key.map_err(|error| format!("no row has the key `{id}`: {}", error.reason))?;
        key.settle();
        self.clear();
        let place = self.add(&key);
        // Whatever row is there has to give way.
        let slot = &mut self.slots[place];
        (slot.stored, slot.touched, self.touched) = (true, true, 1);
        Ok(())
    }

    fn pending(&self) -> usize {
        self.touched
    }

    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        _until: &Until,
    ) -> Result<Wrote, ProjectionError> {
        // Rows that are merged are written in an order of their own, in which one may take a unique
        // value before another has given it up: all of them give up what they have first.
        let unique = self.table.indexes.iter().any(|index| index.unique);
        let (mut upserts, mut deletes) = (Vec::new(), Vec::new());
        for slot in self.slots.iter().filter(|slot| slot.touched) {
            if let Some(row) = &slot.row {
                upserts.push(row.to_row());
            }
            if slot.stored && (unique || slot.row.is_none()) {
                deletes.push(P::Row::key_values(&slot.key));
            }
        }
        transaction.delete_rows(&self.table, &deletes).await?;
        transaction.enqueue_rows(&self.table, &upserts).await?;
        Ok(Wrote::All)
    }

    fn rows(&self) -> Option<Vec<Row>> {
        Some(self.slots.iter().filter_map(|slot| Some(slot.row.as_ref()?.to_row())).collect())
    }

    fn written(&mut self) -> u64 {
        if self.slots.len() > REMEMBERED_ROWS {
            self.clear();
        }
        for slot in &mut self.slots {
            slot.stored = slot.row.is_some();
            slot.touched = false;
        }
        std::mem::take(&mut self.touched) as u64
    }

    fn forget(&mut self) {
        self.clear();
        self.touched = 0;
    }
}
