//! A prefix that was renamed: all names of a family are gone, and the program has others like them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::RegisteredSchema;
use super::known::KnownType;
use super::relation::{Relation, relation};

/// A family of event types that the store does not know, and one like it that it does and the
/// program does not. Two services on one store may look like this, so it stops nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamedFamily {
    /// The prefix that the program declares.
    pub declared: String,
    /// The prefix that the store knows.
    pub stored: String,
    /// The store's names below it.
    pub event_types: Vec<String>,
}

impl fmt::Display for RenamedFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { declared, stored, event_types } = self;
        write!(
            f,
            "no event was ever written under the prefix `{declared}`, and the store has events under \
             `{stored}`, which this program does not declare and which are the same but for the \
             prefix: `{}`. If the prefix was renamed, they are not seen: write \
             `#[event(prefix = \"{stored}\")]`, or give each variant `#[event(name = \"{stored}.…\")]`",
            event_types.join("`, `")
        )
    }
}

/// The families of these types that look like a renamed one.
pub(super) fn renamed<'k>(
    known: impl Iterator<Item = &'k KnownType> + Clone,
    registered: &[RegisteredSchema],
) -> Vec<RenamedFamily> {
    let mut stored: BTreeMap<&str, Vec<&RegisteredSchema>> = BTreeMap::new();
    for schema in registered {
        if let Some(family) = &schema.family {
            stored.entry(family).or_default().push(schema);
        }
    }
    let declared: BTreeSet<&str> = known.clone().filter_map(|k| k.descriptor.family).collect();
    let mut found = Vec::new();
    for new in declared.iter().filter(|family| !stored.contains_key(*family)) {
        for (old, schemas) in stored.iter().filter(|(family, _)| !declared.contains(*family)) {
            let is_like = |schema: &&RegisteredSchema| {
                let name = schema.event_type.strip_prefix(old).map(|rest| format!("{new}{rest}"));
                let mut known = known.clone();
                let twin = known.find(|known| Some(known.event_type()) == name.as_deref());
                twin.and_then(|twin| twin.declared(schema.version))
                    .is_some_and(|declared| relation(&schema.parsed(), declared) != Relation::Other)
            };
            if schemas.iter().all(is_like) {
                let names: BTreeSet<&String> = schemas.iter().map(|s| &s.event_type).collect();
                found.push(RenamedFamily {
                    declared: (*new).to_owned(),
                    stored: (*old).to_owned(),
                    event_types: names.into_iter().cloned().collect(),
                });
            }
        }
    }
    found
}
