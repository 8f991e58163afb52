//! Every event type a process knows, with its compiled schemas.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::registered::canonical;
use super::validator::CompiledSchema;
use super::{RegisteredSchema, SchemaViolation};
use crate::envelope::NewEvent;
use crate::error_kind::ErrorKind;
use crate::event::{Event, EventDescriptor};

/// A set of event types that does not hold together. The process must not start with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Two Rust types claim one stored name with different schemas.
    #[error("`{event_type}` is declared twice, by `{first}` and by `{second}`: rename one")]
    DeclaredTwice {
        /// The stored name.
        event_type: String,
        /// Who came first.
        first: String,
        /// Who came second.
        second: String,
    },
    /// An older version does not reach the newest.
    #[error(
        "`{rust_name}` (`{event_type}`) is at version {newest}, but nothing leads from version \
         {from} to {}: add `upcast({from} = …)`", from + 1
    )]
    MissingUpcaster {
        /// The stored name.
        event_type: String,
        /// The name in the source.
        rust_name: String,
        /// The version nothing leads on from.
        from: u32,
        /// The newest version.
        newest: u32,
    },
    /// The schema itself cannot be compiled.
    #[error("the schema of `{event_type}` version {version} is no valid JSON Schema: {reason}")]
    Invalid {
        /// The stored name.
        event_type: String,
        /// The version.
        version: u32,
        /// What is wrong.
        reason: String,
    },
    /// The store has another schema for the same version.
    #[error(
        "the schema of `{event_type}` version {version} differs from the one registered in the \
         store: raise the version and add an upcaster\n  registered: {registered}\n  declared:   {declared}"
    )]
    Conflict {
        /// The stored name.
        event_type: String,
        /// The version.
        version: u32,
        /// The store's schema.
        registered: String,
        /// This program's schema.
        declared: String,
    },
    /// History holds a name of this family that the program no longer declares.
    #[error(
        "the store knows events of type `{event_type}`, which `{family}` no longer declares: \
         if a variant was renamed, give it `#[event(name = \"{event_type}\")]`; if it was removed \
         on purpose, add `#[event(retired(\"{event_type}\"))]` to the enum"
    )]
    Vanished {
        /// The stored name.
        event_type: String,
        /// The prefix it belongs to.
        family: String,
    },
    /// An event whose type or version nobody registered.
    #[error(
        "no schema is registered for `{event_type}` version {version}: declare the type with \
         `#[derive(Event)]` and register it before appending"
    )]
    Unregistered {
        /// The stored name.
        event_type: String,
        /// The version.
        version: u32,
    },
    /// A payload that does not fit.
    #[error(transparent)]
    Violation(#[from] SchemaViolation),
}

impl SchemaError {
    /// What kind of error it is: an event that does not fit is a wrong request, types that do not
    /// hold together are a fault of the program.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Violation(_) | Self::Unregistered { .. } => ErrorKind::Invalid,
            Self::DeclaredTwice { .. }
            | Self::MissingUpcaster { .. }
            | Self::Invalid { .. }
            | Self::Conflict { .. }
            | Self::Vanished { .. } => ErrorKind::Fault,
        }
    }
}

/// The event types a process knows. Cheap to ask, safe to share.
///
/// ```
/// use annals_core::{Event, NewEvent, Payload, SchemaRegistry};
///
/// #[derive(Event)]
/// #[event(name = "order.placed", crate = annals_core)]
/// struct OrderPlaced { lines: u32 }
///
/// let registry = SchemaRegistry::default();
/// registry.register::<OrderPlaced>()?;
/// registry.check(&NewEvent::of(&OrderPlaced { lines: 3 })?)?;
///
/// let bad = NewEvent::raw("order.placed", 1, Payload::parse(r#"{"lines": "three"}"#)?);
/// let error = registry.check(&bad).unwrap_err().to_string();
/// assert!(error.contains("order.placed") && error.contains("/lines"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct SchemaRegistry {
    types: RwLock<HashMap<&'static str, Arc<KnownType>>>,
}

struct KnownType {
    descriptor: EventDescriptor,
    /// The schemas of versions 1, 2, …, in order.
    versions: Vec<(String, CompiledSchema)>,
}

impl SchemaRegistry {
    /// Takes in every type of `E`, after proving that each older version reaches the newest.
    /// Repeating it is harmless.
    ///
    /// # Errors
    /// [`SchemaError`]; then none of `E`'s types is taken in.
    pub fn register<E: Event>(&self) -> Result<(), SchemaError> {
        let known = self.prove::<E>()?;
        let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have been faster since the proof.
        known.iter().try_for_each(|new| new.check_declared_once(&types))?;
        for new in known {
            types.insert(new.descriptor.event_type, Arc::new(new));
        }
        Ok(())
    }

    /// Proves what [`register`](Self::register) does, and takes nothing in.
    fn prove<E: Event>(&self) -> Result<Vec<KnownType>, SchemaError> {
        let known: Vec<KnownType> =
            E::descriptors().into_iter().map(KnownType::prove).collect::<Result<_, _>>()?;
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().try_for_each(|new| new.check_declared_once(&types))?;
        Ok(known)
    }

    /// Checks an event's payload against the schema of its type and version.
    ///
    /// # Errors
    /// [`SchemaError::Unregistered`] or [`SchemaError::Violation`].
    pub fn check(&self, event: &NewEvent) -> Result<(), SchemaError> {
        let unregistered = || SchemaError::Unregistered {
            event_type: event.event_type.to_string(),
            version: event.schema_version,
        };
        let known = {
            let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
            types.get(event.event_type.as_str()).cloned().ok_or_else(unregistered)?
        };
        let index = (event.schema_version as usize).checked_sub(1).ok_or_else(unregistered)?;
        let (_, schema) = known.versions.get(index).ok_or_else(unregistered)?;
        Ok(schema.check(event)?)
    }

    /// Compares what `E` declares with what a store has registered, and returns what the store
    /// does not have yet. It takes nothing in: [`register`](Self::register) after it, so that what
    /// is refused here cannot be appended.
    ///
    /// # Errors
    /// [`SchemaError::Conflict`] or [`SchemaError::Vanished`], and those of `register`.
    pub fn compare<E: Event>(
        &self,
        registered: &[RegisteredSchema],
    ) -> Result<Vec<RegisteredSchema>, SchemaError> {
        let mut missing = Vec::new();
        for known in self.prove::<E>()? {
            let descriptor = known.descriptor;
            for declared in known.registrations() {
                let stored = registered.iter().find(|stored| {
                    stored.event_type == declared.event_type && stored.version == declared.version
                });
                match stored {
                    None => missing.push(declared),
                    Some(stored) if stored.schema == declared.schema => {}
                    Some(stored) => {
                        return Err(SchemaError::Conflict {
                            event_type: declared.event_type,
                            version: declared.version,
                            registered: stored.schema.clone(),
                            declared: declared.schema,
                        });
                    }
                }
            }
            let Some(family) = descriptor.family else { continue };
            let vanished = registered.iter().find(|stored| {
                stored.family.as_deref() == Some(family)
                    && !E::knows(&stored.event_type)
                    && !descriptor.retired.contains(&stored.event_type.as_str())
            });
            if let Some(vanished) = vanished {
                return Err(SchemaError::Vanished {
                    event_type: vanished.event_type.clone(),
                    family: family.to_owned(),
                });
            }
        }
        Ok(missing)
    }
}

impl KnownType {
    fn prove(descriptor: EventDescriptor) -> Result<Self, SchemaError> {
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
            versions.push((canonical(&schema), compiled));
        }
        Ok(Self { descriptor, versions })
    }

    fn check_declared_once(
        &self,
        types: &HashMap<&'static str, Arc<Self>>,
    ) -> Result<(), SchemaError> {
        match types.get(self.descriptor.event_type) {
            Some(first) if !first.says_the_same(self) => Err(SchemaError::DeclaredTwice {
                event_type: self.descriptor.event_type.to_owned(),
                first: first.descriptor.rust_name.to_owned(),
                second: self.descriptor.rust_name.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let texts =
            |known: &Self| known.versions.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>();
        texts(self) == texts(other)
    }

    /// What the store should know. An older version that an upcaster takes as plain JSON says
    /// nothing about its shape: there the program that wrote it has the word.
    fn registrations(&self) -> impl Iterator<Item = RegisteredSchema> + '_ {
        let newest = self.descriptor.version;
        let says_something = move |(schema, version): &(&(String, _), u32)| {
            *version == newest || !matches!(schema.0.as_str(), "{}" | "true")
        };
        let versions = self.versions.iter().zip(1..).filter(says_something);
        versions.map(|((schema, _), version)| RegisteredSchema {
            event_type: self.descriptor.event_type.to_owned(),
            version,
            family: self.descriptor.family.map(str::to_owned),
            schema: schema.clone(),
        })
    }
}
