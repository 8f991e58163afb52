//! One event type that a process declares, against what a store has registered of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::canonical::{canonical, write};
use super::relation::{Relation, changes, relation_of};
use super::validator::CompiledSchema;
use super::{RegisteredSchema, SchemaError};
use crate::event::EventDescriptor;

/// A type, proved: each older version reaches the newest.
pub(super) struct KnownType {
    pub(super) descriptor: EventDescriptor,
    /// Versions 1, 2, …, in order.
    pub(super) versions: Vec<Version>,
}

pub(super) struct Version {
    /// The canonical schema.
    declared: Value,
    pub(super) schema: CompiledSchema,
    /// Whether the store is known to have this schema, or a wider one.
    bound: AtomicBool,
}

impl Version {
    pub(super) fn is_bound(&self) -> bool {
        self.bound.load(Ordering::Relaxed)
    }
}

impl KnownType {
    pub(super) fn prove(descriptor: EventDescriptor) -> Result<Self, SchemaError> {
        let mut versions = Vec::new();
        for version in 1..=descriptor.version {
            let schema = if version == descriptor.version {
                (descriptor.schema)()
            } else {
                let step = descriptor.upcasters.iter().find(|step| step.from == version);
                let step = step.ok_or_else(|| SchemaError::MissingUpcaster {
                    event_type: descriptor.event_type.to_owned(),
                    rust_name: descriptor.rust_name.to_owned(),
                    from: version,
                    newest: descriptor.version,
                })?;
                (step.schema)()
            };
            let compiled =
                CompiledSchema::compile(&schema).map_err(|reason| SchemaError::Invalid {
                    event_type: descriptor.event_type.to_owned(),
                    version,
                    reason,
                })?;
            let declared = canonical(&schema);
            // An older version that an upcaster takes as plain JSON says nothing about its shape:
            // there the program that wrote it has the word.
            let bound = version != descriptor.version && declared == Value::Bool(true);
            versions.push(Version { declared, schema: compiled, bound: AtomicBool::new(bound) });
        }
        Ok(Self { descriptor, versions })
    }

    pub(super) fn event_type(&self) -> &'static str {
        self.descriptor.event_type
    }

    /// The canonical schema of a version.
    pub(super) fn declared(&self, version: u32) -> Option<&Value> {
        let index = (version as usize).checked_sub(1)?;
        self.versions.get(index).map(|version| &version.declared)
    }

    /// Two types under one name must say the same.
    pub(super) fn check_twin(&self, second: &Self) -> Result<(), SchemaError> {
        let declared = |known: &'_ Self| -> Vec<Value> {
            known.versions.iter().map(|version| version.declared.clone()).collect()
        };
        if declared(self) == declared(second) {
            return Ok(());
        }
        Err(SchemaError::DeclaredTwice {
            event_type: self.event_type().to_owned(),
            first: self.descriptor.rust_name.to_owned(),
            second: second.descriptor.rust_name.to_owned(),
        })
    }

    /// Compares every version with what the store has, and binds those that it has.
    pub(super) fn compare(&self, registered: &[RegisteredSchema]) -> Result<(), SchemaError> {
        for index in 0..self.versions.len() {
            self.stand(index, registered)?;
        }
        Ok(())
    }

    /// How a version stands to what the store has of it.
    fn stand<'s>(
        &self,
        index: usize,
        registered: &'s [RegisteredSchema],
    ) -> Result<Stand<'s>, SchemaError> {
        let version = &self.versions[index];
        if version.is_bound() {
            return Ok(Stand::Bound);
        }
        let stored = registered.iter().find(|stored| {
            stored.event_type == self.event_type() && stored.version as usize == index + 1
        });
        let Some(stored) = stored else { return Ok(Stand::Missing) };
        let changes = changes(&stored.parsed(), &version.declared);
        match relation_of(&changes) {
            // Narrowed: this is the older of two programs, or it has given up what was optional.
            Relation::Same | Relation::Narrowed => {
                version.bound.store(true, Ordering::Relaxed);
                Ok(Stand::Bound)
            }
            Relation::Widened => Ok(Stand::Wider(stored)),
            Relation::Other => Err(SchemaError::Conflict {
                event_type: stored.event_type.clone(),
                version: stored.version,
                registered: stored.schema.clone(),
                declared: write(&version.declared),
                changes,
            }),
        }
    }
}

/// How a declared schema stands to the store's.
pub(crate) enum Stand<'s> {
    /// The store has it, or a wider one.
    Bound,
    /// The store has none.
    Missing,
    /// The store has this narrower one.
    Wider(&'s RegisteredSchema),
}

/// A version of a type that the store is not known to have, as an event that is about to be
/// appended needs it.
pub(crate) struct Unbound {
    pub(super) known: Arc<KnownType>,
    pub(super) index: usize,
}

impl Unbound {
    /// What the store should have.
    pub(crate) fn declared(&self) -> RegisteredSchema {
        RegisteredSchema {
            event_type: self.known.event_type().to_owned(),
            // There are no more versions than a `u32` counts.
            version: self.index as u32 + 1,
            family: self.known.descriptor.family.map(str::to_owned),
            schema: write(&self.known.versions[self.index].declared),
        }
    }

    /// How it stands to what the store has now.
    pub(crate) fn stand<'s>(
        &self,
        registered: &'s [RegisteredSchema],
    ) -> Result<Stand<'s>, SchemaError> {
        self.known.stand(self.index, registered)
    }

    /// Adds it to some others, once.
    pub(crate) fn add_to(self, others: &mut Vec<Self>) {
        let is_here =
            |other: &Self| Arc::ptr_eq(&self.known, &other.known) && self.index == other.index;
        if !others.iter().any(is_here) {
            others.push(self);
        }
    }
}
