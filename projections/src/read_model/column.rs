//! Columns that know their table and their type, so that a query cannot mix them up.

use std::marker::PhantomData;

use annals_core::table::{Comparison, Condition, Direction};

use super::ColumnValue;

/// A column of `M` that holds a `T`. The derive makes one constant a field: `Balance::CENTS`.
#[derive(Debug)]
pub struct Column<M, T> {
    name: &'static str,
    marker: PhantomData<fn(M) -> T>,
}

impl<M, T> Clone for Column<M, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, T> Copy for Column<M, T> {}

/// A condition on a column of `M`.
#[derive(Debug)]
pub struct Filter<M> {
    pub(crate) condition: Condition,
    marker: PhantomData<fn(M)>,
}

/// An order by a column of `M`.
#[derive(Debug)]
pub struct Order<M> {
    pub(crate) column: &'static str,
    pub(crate) direction: Direction,
    marker: PhantomData<fn(M)>,
}

impl<M, T> Column<M, T> {
    /// The column with this name.
    pub const fn new(name: &'static str) -> Self {
        Self { name, marker: PhantomData }
    }

    /// The name in the database.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Small to large.
    pub fn ascending(self) -> Order<M> {
        Order { column: self.name, direction: Direction::Ascending, marker: PhantomData }
    }

    /// Large to small.
    pub fn descending(self) -> Order<M> {
        Order { column: self.name, direction: Direction::Descending, marker: PhantomData }
    }
}

impl<M, T: ColumnValue> Column<M, T> {
    /// Equal; null equals null.
    pub fn equals(self, value: impl Into<T>) -> Filter<M> {
        self.compare(Comparison::Equal, value)
    }

    /// Not equal.
    pub fn differs(self, value: impl Into<T>) -> Filter<M> {
        self.compare(Comparison::NotEqual, value)
    }

    /// Less.
    pub fn below(self, value: impl Into<T>) -> Filter<M> {
        self.compare(Comparison::Less, value)
    }

    /// Less or equal.
    pub fn at_most(self, value: impl Into<T>) -> Filter<M> {
        self.compare(Comparison::LessOrEqual, value)
    }

    /// Greater.
    pub fn above(self, value: impl Into<T>) -> Filter<M> {
        self.compare(Comparison::Greater, value)
    }

    /// Greater or equal.
    pub fn at_least(self, value: impl Into<T>) -> Filter<M> {
        self.compare(Comparison::GreaterOrEqual, value)
    }

    fn compare(self, comparison: Comparison, value: impl Into<T>) -> Filter<M> {
        let value = value.into().to_value();
        let condition = Condition { column: self.name, comparison, value };
        Filter { condition, marker: PhantomData }
    }
}
