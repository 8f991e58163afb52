//! Tables of read models in memory.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::state::{SortedKey, State, Table};
use crate::store::StoreError;
use crate::table::{Direction, KeyValues, Row, RowQuery, TableSpec};

/// A table of the framework's own into which nothing was written yet.
static NO_ROWS: Table = Table {
    spec: TableSpec {
        name: String::new(),
        columns: Vec::new(),
        key: Vec::new(),
        indexes: Vec::new(),
        own: true,
    },
    rows: BTreeMap::new(),
};

impl State {
    pub(super) fn find_table(&self, spec: &TableSpec) -> Result<&Table, StoreError> {
        let table = self.table(&spec.name);
        if table.is_none() && spec.own {
            return Ok(&NO_ROWS);
        }
        let table = table.ok_or_else(|| StoreError::NoSuchTable { table: spec.name.clone() })?;
        if table.spec.columns != spec.columns {
            return Err(spec.has_other_columns("it was made with others").into());
        }
        Ok(table)
    }

    pub(super) fn load_rows(
        &self,
        spec: &TableSpec,
        keys: &[KeyValues],
    ) -> Result<Vec<Row>, StoreError> {
        let table = self.find_table(spec)?;
        spec.check_keys(keys)?;
        let rows = keys.iter().filter_map(|key| table.rows.get(&SortedKey(key.clone())));
        Ok(rows.cloned().collect())
    }

    pub(super) fn query_rows(
        &self,
        spec: &TableSpec,
        query: &RowQuery,
    ) -> Result<Vec<Row>, StoreError> {
        query.check(spec)?;
        let mut rows = self.find_table(spec)?.matching(spec, query);
        let place = |(column, direction): &(&str, _)| Some((spec.column(column)?, *direction));
        let order: Vec<_> = query.order.iter().filter_map(place).collect();
        // The sort is stable, and the rows come by key: the key breaks the last tie.
        rows.sort_by(|a, b| compare(a, b, &order));
        let page = rows.into_iter().skip(query.offset as usize).take(query.limit as usize);
        Ok(page.cloned().collect())
    }

    pub(super) fn count_rows(&self, spec: &TableSpec, query: &RowQuery) -> Result<u64, StoreError> {
        query.check(spec)?;
        Ok(self.find_table(spec)?.matching(spec, query).len() as u64)
    }
}

impl Table {
    /// The rows that meet the conditions of a query whose columns were checked.
    fn matching(&self, spec: &TableSpec, query: &RowQuery) -> Vec<&Row> {
        let conditions = query.conditions.iter();
        let conditions: Vec<_> =
            conditions.filter_map(|c| Some((spec.column(c.column)?, c))).collect();
        let admits = |row: &&Row| conditions.iter().all(|(place, c)| c.admits(&row[*place]));
        self.rows.values().filter(admits).collect()
    }

    /// Refuses a row that shares the values of a unique index with a row of another key. Null is
    /// equal to nothing here, as in SQL.
    pub(super) fn check_unique(&self, key: &SortedKey, row: &Row) -> Result<(), StoreError> {
        let indexes = self.spec.indexes.iter().filter(|index| index.unique);
        for index in indexes {
            let same = |other: &Row| {
                index.columns.iter().all(|&place| {
                    row[place].column_type().is_some() && row[place].order(&other[place]).is_eq()
                })
            };
            if self.rows.iter().any(|(other, values)| other != key && same(values)) {
                return Err(StoreError::not_unique(&self.spec, Some(index)));
            }
        }
        Ok(())
    }

    /// Refuses unique indexes that rows which are there already do not meet.
    pub(super) fn check_all_unique(&self) -> Result<(), StoreError> {
        self.rows.iter().try_for_each(|(key, row)| self.check_unique(key, row))
    }
}

fn compare(a: &Row, b: &Row, order: &[(usize, Direction)]) -> Ordering {
    let each = order.iter().map(|&(place, direction)| match direction {
        Direction::Ascending => a[place].order(&b[place]),
        Direction::Descending => b[place].order(&a[place]),
    });
    each.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
