//! Asking a read model: by key, or by filter, order and page.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;
use annals_core::store::Workspace;
use annals_core::table::{MAX_ROWS, Row, RowQuery};

use super::{Filter, Order, Pages, ReadModel};
use crate::error::ReadError;
use crate::run::Gate;

/// How long a query waits for its read model to reach a position, unless told otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The last row that a page may begin with: databases count rows so far.
const MAX_OFFSET: u64 = i64::MAX as u64;

/// A query that is being put together.
#[must_use = "a query does nothing until `get`, `list`, `first` or `count` is awaited"]
pub struct Query<M> {
    store: Arc<dyn Workspace>,
    gate: Gate,
    rows: RowQuery,
    /// How many rows were asked for, if that was said.
    limit: Option<u32>,
    after: Position,
    timeout: Duration,
    marker: PhantomData<fn() -> M>,
}

impl<M: ReadModel> Query<M> {
    pub(crate) fn new(store: Arc<dyn Workspace>, gate: Gate) -> Self {
        Self {
            store,
            gate,
            rows: RowQuery::default(),
            limit: None,
            after: Position::START,
            timeout: DEFAULT_TIMEOUT,
            marker: PhantomData,
        }
    }

    /// Waits until the read model has taken in everything up to a position, such as that of a
    /// receipt: a caller reads its own writes.
    pub fn after(mut self, position: Position) -> Self {
        self.after = self.after.max(position);
        self
    }

    /// How long [`after`](Self::after) waits at the most. Default 5 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Only rows that meet a condition; several must all hold.
    pub fn filter(mut self, filter: Filter<M>) -> Self {
        self.rows.conditions.push(filter.condition);
        self
    }

    /// Sorts; further orders break ties, the key breaks the last.
    pub fn order_by(mut self, order: Order<M>) -> Self {
        self.rows.order.push((order.column, order.direction));
        self
    }

    /// At most so many rows, up to 10,000: [`list`](Self::list) refuses more.
    pub fn limit(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Page `number`, from 0, of `size` rows each, up to 10,000. Pages are read one by one: what is
    /// inserted or removed between two of them moves the rows behind it. [`all`](Self::all) and
    /// [`pages`](Self::pages) go by the key and are not disturbed.
    pub fn page(mut self, number: u64, size: u32) -> Self {
        self.limit = Some(size);
        self.rows.offset = number.saturating_mul(u64::from(size));
        self
    }

    /// The row with this key, if it meets the conditions.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn get(self, key: &M::Key) -> Result<Option<M>, ReadError> {
        self.ready().await?;
        let found = async {
            self.rows.check(M::table())?;
            let rows = self.store.load_rows(M::table(), &[M::key_values(key)]).await?;
            let row = rows.into_iter().find(|row| self.admits(row));
            Ok(row.map(M::from_row).transpose()?)
        };
        self.explained(found.await).await
    }

    /// The rows.
    ///
    /// # Errors
    /// [`ReadError::TooMany`] when no [`limit`](Self::limit) was set and more than 10,000 rows meet
    /// the conditions: nothing is left out without a word. [`ReadError::Page`] when more than 10,000
    /// are asked for at once, or a page beyond all counting. Otherwise what the store says.
    pub async fn list(mut self) -> Result<Vec<M>, ReadError> {
        self.check_page()?;
        self.ready().await?;
        self.rows.limit = self.limit.unwrap_or(MAX_ROWS);
        let found = async {
            let rows = self.store.query_rows(M::table(), &self.rows).await?;
            if self.limit.is_none() && rows.len() >= MAX_ROWS as usize {
                self.ends_here().await?;
            }
            Ok(rows.into_iter().map(M::from_row).collect::<Result<_, _>>()?)
        };
        let found = found.await;
        self.explained(found).await
    }

    /// All rows that meet the conditions, however many, in the order asked for or in that of the
    /// key. They are kept in memory; [`pages`](Self::pages) are not. They are read in pages by the
    /// key: a row that is inserted or removed meanwhile may be seen or not, every other one is seen
    /// once. [`limit`](Self::limit) and [`page`](Self::page) do not count.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn all(self) -> Result<Vec<M>, ReadError> {
        let mut pages = self.pages(MAX_ROWS);
        let mut all: Vec<Row> = Vec::new();
        while let Some(page) = pages.next_rows().await? {
            all.extend(page);
        }
        pages.sort(&mut all);
        Ok(all.into_iter().map(M::from_row).collect::<Result<_, _>>()?)
    }

    /// All rows that meet the conditions, page by page of at most `size` rows (and at most 10,000), in
    /// the order of the key.
    pub fn pages(mut self, size: u32) -> Pages<M> {
        self.rows.limit = size.clamp(1, MAX_ROWS);
        self.rows.offset = 0;
        Pages::new(self)
    }

    /// The first row.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn first(self) -> Result<Option<M>, ReadError> {
        Ok(self.limit(1).list().await?.into_iter().next())
    }

    /// How many rows meet the conditions.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn count(self) -> Result<u64, ReadError> {
        self.ready().await?;
        let count = self.store.count_rows(M::table(), &self.rows).await;
        self.explained(count.map_err(ReadError::from)).await
    }

    pub(super) async fn ready(&self) -> Result<(), ReadError> {
        self.gate.ready(M::table(), self.after, self.timeout).await
    }

    /// One page of rows as they are asked for.
    pub(super) async fn rows(&self, asked: &RowQuery) -> Result<Vec<Row>, ReadError> {
        let rows = self.store.query_rows(M::table(), asked).await;
        self.explained(rows.map_err(ReadError::from)).await
    }

    pub(super) fn asked(&self) -> &RowQuery {
        &self.rows
    }

    async fn explained<T>(&self, result: Result<T, ReadError>) -> Result<T, ReadError> {
        match result {
            Ok(found) => Ok(found),
            Err(error) => Err(self.gate.explain(M::table(), error).await),
        }
    }

    fn admits(&self, row: &Row) -> bool {
        self.rows.conditions.iter().all(|condition| {
            let place = M::table().column(condition.column);
            place.and_then(|place| row.get(place)).is_some_and(|value| condition.admits(value))
        })
    }

    fn check_page(&self) -> Result<(), ReadError> {
        let size = self.limit.unwrap_or(MAX_ROWS);
        let why = if size > MAX_ROWS {
            format!(
                "a list holds at most {MAX_ROWS} rows, and {size} were asked for: take `page` after \
                 `page`, or `all`"
            )
        } else if self.rows.offset > MAX_OFFSET {
            "the page lies beyond the last row that can be counted: ask for an earlier one"
                .to_owned()
        } else {
            return Ok(());
        };
        Err(ReadError::Page { why })
    }

    /// An error if there are more rows than a list holds.
    async fn ends_here(&self) -> Result<(), ReadError> {
        let next = RowQuery { limit: 1, offset: u64::from(MAX_ROWS), ..self.rows.clone() };
        if self.store.query_rows(M::table(), &next).await?.is_empty() {
            return Ok(());
        }
        Err(ReadError::TooMany { table: M::table().name.clone(), limit: MAX_ROWS })
    }
}
