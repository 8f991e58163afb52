//! What whoever looks after a store is given.

use super::{Browse, Examine, Restore, Store};

/// A store with everything that the command line wants of it. Programs do not need it, and a log that
/// is only followed need not have it.
pub trait Operate: Store + Browse + Restore + Examine {}

impl<S> Operate for S where S: Store + Browse + Restore + Examine {}

#[cfg(test)]
mod tests {
    /// It must stay usable behind a pointer, and as a store.
    const _: fn(&dyn super::Operate) -> &dyn super::Store = |operate| operate;
}
