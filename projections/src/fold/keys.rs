//! Which rows an event touches.

use annals_core::InvalidAggregateId;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys<K>(pub(crate) Inner<K>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inner<K> {
    None,
    One(K),
    Several(Vec<K>),
    Invalid(InvalidAggregateId),
}

impl<K> Keys<K> {
    /// The event touches no row.
    pub const fn none() -> Self {
        Self(Inner::None)
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
