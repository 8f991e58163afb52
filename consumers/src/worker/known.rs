//! How far the streams of others are known to have been dealt with, in bounded memory.

use std::collections::HashMap;

use crate::inbox::Seen;

/// How many streams are remembered at the most; then everything is forgotten, and looked up again.
const MOST: usize = 20_000;

/// The last version of each stream that was dealt with, as far as it is known.
#[derive(Debug, Default, Clone)]
pub(super) struct Known {
    /// By source and stream.
    versions: HashMap<String, HashMap<String, u64>>,
    streams: usize,
}

impl Known {
    /// The version up to which a message's stream was dealt with.
    pub(super) fn of(&self, seen: &Seen) -> Option<u64> {
        self.versions.get(&seen.source)?.get(&seen.id).copied()
    }

    /// A message was dealt with.
    pub(super) fn add(&mut self, seen: &Seen) {
        self.put(&seen.source, &seen.id, seen.version);
    }

    /// A stream was dealt with up to a version.
    pub(super) fn put(&mut self, source: &str, id: &str, version: u64) {
        if let Some(known) = self.versions.get_mut(source).and_then(|ids| ids.get_mut(id)) {
            *known = (*known).max(version);
            return;
        }
        if self.streams >= MOST {
            *self = Self::default();
        }
        self.versions.entry(source.to_owned()).or_default().insert(id.to_owned(), version);
        self.streams += 1;
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, MOST};
    use crate::inbox::Seen;

    fn seen(id: usize, version: u64) -> Seen {
        Seen { source: "/shop".to_owned(), id: format!("order-{id}"), version }
    }

    #[test]
    fn the_largest_version_counts_and_memory_is_bounded() {
        let mut known = Known::default();
        known.add(&seen(1, 5));
        known.add(&seen(1, 3));
        assert_eq!((known.of(&seen(1, 9)), known.of(&seen(2, 9))), (Some(5), None));
        (0..2 * MOST).for_each(|id| known.add(&seen(id + 2, 1)));
        assert!(known.streams <= MOST);
        assert_eq!(known.of(&seen(2 * MOST + 1, 1)), Some(1), "what came last is there");
    }
}
