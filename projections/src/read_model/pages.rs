//! A read model page by page, by the key: rows that come and go do not move the others.

use annals_core::table::{Comparison, Condition, Direction, Row, RowQuery, Value};

use super::{Query, ReadModel};
use crate::error::ReadError;

/// The rows of a query, page by page. Made by [`Query::pages`].
#[must_use = "pages are read by `next`"]
pub struct Pages<M> {
    query: Query<M>,
    /// The key of the last row that was handed out.
    last: Option<Vec<Value>>,
    begun: bool,
    ended: bool,
}

impl<M: ReadModel> Pages<M> {
    pub(super) fn new(query: Query<M>) -> Self {
        Self { query, last: None, begun: false, ended: false }
    }

    /// The next rows; `None` after the last. Calling again after an error goes on where it failed.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn next(&mut self) -> Result<Option<Vec<M>>, ReadError> {
        let Some(rows) = self.next_rows().await? else { return Ok(None) };
        Ok(Some(rows.into_iter().map(M::from_row).collect::<Result<_, _>>()?))
    }

    pub(super) async fn next_rows(&mut self) -> Result<Option<Vec<Row>>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        if !self.begun {
            self.query.ready().await?;
            self.begun = true;
        }
        let size = self.query.asked().limit;
        let mut page: Vec<Row> = Vec::new();
        // After (a, b) come those with the same a and a larger b, then those with a larger a.
        let parts = if self.last.is_some() { M::table().key.len() } else { 1 };
        for equal in (0..parts).rev() {
            let asked = RowQuery {
                conditions: self.conditions(equal),
                order: Vec::new(),
                limit: size - page.len().min(size as usize) as u32,
                offset: 0,
            };
            if asked.limit > 0 {
                page.extend(self.query.rows(&asked).await?);
            }
        }
        self.ended = page.len() < size as usize;
        if let Some(last) = page.last() {
            self.last = Some(M::table().key_of(last));
        }
        Ok((!page.is_empty()).then_some(page))
    }

    /// Those of the query, and that the key follows the last one, with the first `equal` parts the
    /// same.
    fn conditions(&self, equal: usize) -> Vec<Condition> {
        let mut conditions = self.query.asked().conditions.clone();
        let parts = M::table().key.iter().zip(self.last.iter().flatten()).enumerate();
        for (number, (&place, value)) in parts.take(equal + 1) {
            let comparison = if number < equal { Comparison::Equal } else { Comparison::Greater };
            let column = M::table().columns[place].name;
            conditions.push(Condition { column, comparison, value: value.clone() });
        }
        conditions
    }

    /// Into the order that was asked for; the rows come by key.
    pub(super) fn sort(&self, rows: &mut [Row]) {
        let order = &self.query.asked().order;
        let places = order
            .iter()
            .filter_map(|(column, direction)| Some((M::table().column(column)?, *direction)));
        let places: Vec<_> = places.collect();
        rows.sort_by(|a, b| {
            let each = places.iter().map(|&(place, direction)| match direction {
                Direction::Ascending => a[place].order(&b[place]),
                Direction::Descending => b[place].order(&a[place]),
            });
            each.into_iter().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
    }
}
