//! Folding events into rows in memory, and writing the merged rows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use annals_core::store::Transaction;
use annals_core::table::TableSpec;
use annals_core::{Recorded, RecordedEvent};
use async_trait::async_trait;

use super::keys::Inner;
use super::{Folder, Keys, Projection, RowSource};
use crate::error::ProjectionError;
use crate::read_model::ReadModel;

/// How many rows stay in memory after they were written, so that the next batch need not read
/// them again.
const REMEMBERED_ROWS: usize = 20_000;

type KeyOf<P> = <<P as Projection>::Row as ReadModel>::Key;

pub(crate) struct Folding<P: Projection> {
    table: TableSpec,
    rows: HashMap<KeyOf<P>, Slot<P::Row>>,
    touched: usize,
}

struct Slot<R> {
    row: Option<R>,
    stored: bool,
    touched: bool,
}

impl<P: Projection> Folding<P> {
    /// A fold into a table with the shape of the read model's.
    pub(crate) fn new(table: TableSpec) -> Self {
        Self { table, rows: HashMap::new(), touched: 0 }
    }

    /// The rows as they stand in memory.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = (KeyOf<P>, P::Row)> {
        self.rows.into_iter().filter_map(|(key, slot)| Some((key, slot.row?)))
    }

    /// Reads payloads and finds keys.
    fn decode(&mut self, events: Vec<RecordedEvent>) -> Result<Vec<Routed<P>>, ProjectionError> {
        let mut routed = Vec::with_capacity(events.len());
        for event in events {
            let position = event.position;
            let event = Recorded::<P::Event>::decode(event)
                .map_err(|source| ProjectionError::Decode { position, source: Arc::new(source) })?;
            let keys = P::keys(&event);
            if let Keys(Inner::Invalid(source)) = keys {
                return Err(ProjectionError::Key { position, source });
            }
            routed.push((keys, event));
        }
        Ok(routed)
    }

    /// Looks up the rows that are not in memory.
    async fn load(
        &mut self,
        routed: &[Routed<P>],
        source: &mut dyn RowSource,
    ) -> Result<(), ProjectionError> {
        let mut wanted = Vec::new();
        for (keys, _) in routed {
            for key in keys.as_slice() {
                if let Entry::Vacant(place) = self.rows.entry(key.clone()) {
                    wanted.push(P::Row::key_values(key));
                    place.insert(Slot { row: None, stored: false, touched: false });
                }
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        for row in source.load(&self.table, &wanted).await? {
            let row = P::Row::from_row(row)?;
            self.rows.insert(row.key(), Slot { row: Some(row), stored: true, touched: false });
        }
        Ok(())
    }
}

type Routed<P> = (Keys<KeyOf<P>>, Recorded<<P as Projection>::Event>);

impl<K> Keys<K> {
    fn as_slice(&self) -> &[K] {
        match &self.0 {
            Inner::None | Inner::Invalid(_) => &[],
            Inner::One(key) => std::slice::from_ref(key),
            Inner::Several(keys) => keys,
        }
    }
}

#[async_trait]
impl<P: Projection> Folder for Folding<P> {
    async fn fold(
        &mut self,
        events: Vec<RecordedEvent>,
        rows: &mut dyn RowSource,
    ) -> Result<(), ProjectionError> {
        let routed = self.decode(events)?;
        self.load(&routed, rows).await?;
        for (keys, event) in &routed {
            for key in keys.as_slice() {
                // `load` has made a slot for every key.
                let Some(slot) = self.rows.get_mut(key) else { continue };
                self.touched += usize::from(!slot.touched);
                slot.touched = true;
                P::fold(key, &mut slot.row, event);
            }
        }
        Ok(())
    }

    fn pending(&self) -> usize {
        self.touched
    }

    async fn write(&mut self, transaction: &mut dyn Transaction) -> Result<(), ProjectionError> {
        let (mut upserts, mut deletes) = (Vec::new(), Vec::new());
        for (key, slot) in self.rows.iter().filter(|(_, slot)| slot.touched) {
            match &slot.row {
                Some(row) => upserts.push(row.to_row()),
                None if slot.stored => deletes.push(P::Row::key_values(key)),
                None => {}
            }
        }
        transaction.delete_rows(&self.table, &deletes).await?;
        transaction.upsert_rows(&self.table, &upserts).await?;
        Ok(())
    }

    fn written(&mut self) {
        if self.rows.len() > REMEMBERED_ROWS {
            self.rows.clear();
        }
        for slot in self.rows.values_mut() {
            slot.stored = slot.row.is_some();
            slot.touched = false;
        }
        self.touched = 0;
    }

    fn forget(&mut self) {
        self.rows.clear();
        self.touched = 0;
    }
}
