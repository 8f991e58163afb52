//! The rows a handler has read and changed in its transaction: each is read once and written once,
//! however often the handler asks for it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use annals_core::store::{StoreError, Transaction};
use annals_core::table::{KeyValues, Row, TableSpec, Value};

/// How many rows are kept before they are written and forgotten.
const MOST_ROWS: usize = 20_000;

/// How many bytes they have then, roughly.
const MOST_BYTES: usize = 32 << 20;

/// What a transaction knows of the rows of a handler's tables.
#[derive(Default)]
pub(super) struct KeptRows {
    /// By the name a table really has.
    tables: BTreeMap<String, KeptTable>,
    rows: usize,
    bytes: usize,
    /// How many rows were changed in the database.
    changed: u64,
}

struct KeptTable {
    table: TableSpec,
    slots: BTreeMap<Key, Slot>,
}

/// A row as the next statement has to find it.
struct Slot {
    /// `None` where there is no such row.
    row: Option<Row>,
    /// Whether the database does not know it yet.
    changed: bool,
}

/// The values of a key, in the order that every store sorts by: 1.1 and 1.10 are one key.
struct Key(KeyValues);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.0.iter().zip(&other.0);
        let mut orders = pairs.map(|(a, b)| a.order(b)).filter(|order| order.is_ne());
        orders.next().unwrap_or_else(|| self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

impl KeptRows {
    /// The row with a key, from the database if it has not been asked for before.
    pub(super) async fn get(
        &mut self,
        transaction: &mut dyn Transaction,
        table: &TableSpec,
        key: KeyValues,
    ) -> Result<Option<Row>, StoreError> {
        let key = Key(key);
        if let Some(slot) = self.tables.get(&table.name).and_then(|known| known.slots.get(&key)) {
            return Ok(slot.row.clone());
        }
        let row = transaction.load_rows(table, std::slice::from_ref(&key.0)).await?.pop();
        self.keep(transaction, table, key, Slot { row: row.clone(), changed: false }).await?;
        Ok(row)
    }

    /// Inserts or replaces a row.
    pub(super) async fn put(
        &mut self,
        transaction: &mut dyn Transaction,
        table: &TableSpec,
        row: Row,
    ) -> Result<(), StoreError> {
        // What is read back must be what a restart would read.
        let row = table.kept_rows(&[row])?.into_owned().swap_remove(0);
        let key = Key(table.key_of(&row));
        self.keep(transaction, table, key, Slot { row: Some(row), changed: true }).await
    }

    /// Removes the row with a key.
    pub(super) async fn remove(
        &mut self,
        transaction: &mut dyn Transaction,
        table: &TableSpec,
        key: KeyValues,
    ) -> Result<(), StoreError> {
        table.check_keys(std::slice::from_ref(&key))?;
        self.keep(transaction, table, Key(key), Slot { row: None, changed: true }).await
    }

    async fn keep(
        &mut self,
        transaction: &mut dyn Transaction,
        table: &TableSpec,
        key: Key,
        slot: Slot,
    ) -> Result<(), StoreError> {
        if !self.tables.contains_key(&table.name) {
            let kept = KeptTable { table: table.clone(), slots: BTreeMap::new() };
            self.tables.insert(table.name.clone(), kept);
        }
        self.rows += 1;
        self.bytes += bytes(&key.0) + slot.row.as_deref().map_or(0, bytes);
        if let Some(kept) = self.tables.get_mut(&table.name)
            && let Some(before) = kept.slots.insert(key, slot)
        {
            self.rows -= 1;
            self.bytes -= before.row.as_deref().map_or(0, bytes);
        }
        if self.rows >= MOST_ROWS || self.bytes >= MOST_BYTES {
            self.write_and_forget(transaction).await?;
        }
        Ok(())
    }

    /// Writes what was changed, so that the database's answers tell of it.
    pub(super) async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        for kept in self.tables.values_mut() {
            self.changed += kept.write(transaction).await?;
        }
        Ok(())
    }

    /// Writes what was changed, before somebody changes rows whose keys are not known here.
    pub(super) async fn write_and_forget(
        &mut self,
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        self.write(transaction).await?;
        self.tables.clear();
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    /// How many rows were changed in the database.
    pub(super) fn changed(&self) -> u64 {
        self.changed
    }
}

impl KeptTable {
    /// Returns how many rows were changed.
    async fn write(&mut self, transaction: &mut dyn Transaction) -> Result<u64, StoreError> {
        // They are written in an order of their own, in which one may take a unique value before another
        // has given it up: all of them give up what they have first.
        let unique = self.table.indexes.iter().any(|index| index.unique);
        let (mut upserts, mut deletes, mut changed) = (Vec::new(), Vec::new(), 0);
        for (Key(key), slot) in self.slots.iter_mut().filter(|(_, slot)| slot.changed) {
            slot.changed = false;
            changed += 1;
            upserts.extend(slot.row.clone());
            if unique || slot.row.is_none() {
                deletes.push(key.clone());
            }
        }
        if !deletes.is_empty() {
            transaction.delete_rows(&self.table, &deletes).await?;
        }
        if !upserts.is_empty() {
            transaction.enqueue_rows(&self.table, &upserts).await?;
        }
        Ok(changed)
    }
}

fn bytes(values: &[Value]) -> usize {
    values.iter().map(Value::bytes).sum()
}
