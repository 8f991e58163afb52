//! Which rows an event touches.

use annals_core::InvalidAggregateId;
use annals_core::table::Condition;

use crate::read_model::Filter;

/// The keys of the rows an event touches: none, one or several.
///
/// ```
/// use annals_projections::Keys;
///
/// let one: Keys<i64> = 7.into();
/// let several: Keys<i64> = vec![7, 8].into();
/// let none: Keys<i64> = Keys::none();
/// # let _ = (one, several, none);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Keys<K>(pub(crate) Inner<K>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Inner<K> {
    None,
    One(K),
    Several(Vec<K>),
    /// The rows that meet these conditions.
    Matching(Vec<Condition>),
    Invalid(InvalidAggregateId),
}

impl<K> Keys<K> {
    /// The event touches no row.
    pub const fn none() -> Self {
        Self(Inner::None)
    }

    /// All rows that are there and meet these conditions, as all events before this one have left them: when
    /// a customer is renamed, all their orders change. An index on the columns keeps that cheap. The
    /// projection must not be partitioned by id.
    ///
    /// ```
    /// # use annals_projections::Keys;
    /// # use annals_projections::Filter;
    /// fn orders_of<Order>(customer: Filter<Order>) -> Keys<i64> {
    ///     Keys::matching([customer])
    /// }
    /// ```
    pub fn matching<M>(filters: impl IntoIterator<Item = Filter<M>>) -> Self {
        Self(Inner::Matching(filters.into_iter().map(|filter| filter.condition).collect()))
    }
}

impl<K> From<K> for Keys<K> {
    fn from(key: K) -> Self {
        Self(Inner::One(key))
    }
}

impl<K> From<Vec<K>> for Keys<K> {
    fn from(keys: Vec<K>) -> Self {
        Self(Inner::Several(keys))
    }
}

impl<K> From<Option<K>> for Keys<K> {
    fn from(key: Option<K>) -> Self {
        Self(key.map_or(Inner::None, Inner::One))
    }
}

impl<K> From<Result<K, InvalidAggregateId>> for Keys<K> {
    /// An id that cannot be read stops the projection; it is never passed over.
    fn from(key: Result<K, InvalidAggregateId>) -> Self {
        Self(match key {
            Ok(key) => Inner::One(key),
            Err(error) => Inner::Invalid(error),
        })
    }
}
