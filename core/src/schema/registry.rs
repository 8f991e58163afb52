//! Every event type a process knows, with its compiled schemas.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::known::{KnownType, Unbound};
use super::{RegisteredSchema, RenamedFamily, SchemaError, families};
use crate::envelope::NewEvent;
use crate::event::{DecodeError, Event};

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

impl SchemaRegistry {
    /// Takes in every type of `E`, after proving that each older version reaches the newest.
    /// Repeating it is harmless.
    ///
    /// # Errors
    /// [`SchemaError`]; then none of `E`'s types is taken in.
    pub fn register<E: Event>(&self) -> Result<(), SchemaError> {
        self.take_in(prove::<E>()?)
    }

    /// Takes in every type of `E` as [`register`](Self::register) does, if it fits what a store's
    /// history was written with.
    ///
    /// # Errors
    /// [`SchemaError::Conflict`], [`SchemaError::Vanished`], and those of `register`; then none of
    /// `E`'s types is taken in.
    pub(crate) fn register_against<E: Event>(
        &self,
        registered: &[RegisteredSchema],
    ) -> Result<(), SchemaError> {
        let known = prove::<E>()?;
        for known in &known {
            known.compare(registered)?;
        }
        for known in &known {
            self.refuse_vanished::<E>(known, registered)?;
        }
        self.take_in(known)
    }

    fn take_in(&self, known: Vec<KnownType>) -> Result<(), SchemaError> {
        let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
        for new in &known {
            if let Some(first) = types.get(new.event_type()) {
                first.check_twin(new)?;
            }
        }
        for new in known {
            // The first stays: it may be bound already.
            types.entry(new.event_type()).or_insert_with(|| Arc::new(new));
        }
        Ok(())
    }

    /// A name of the family that history holds must still be declared, by `E` or, when `E` is only
    /// a part of the family, by a type that was taken in before.
    fn refuse_vanished<E: Event>(
        &self,
        known: &KnownType,
        registered: &[RegisteredSchema],
    ) -> Result<(), SchemaError> {
        let Some(family) = known.descriptor.family else { return Ok(()) };
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        let vanished = registered.iter().find(|stored| {
            let name = stored.event_type.as_str();
            stored.family.as_deref() == Some(family)
                && !E::knows(name)
                && !known.descriptor.retired.contains(&name)
                && !types.contains_key(name)
        });
        match vanished {
            None => Ok(()),
            Some(vanished) => Err(SchemaError::Vanished {
                event_type: vanished.event_type.clone(),
                family: family.to_owned(),
            }),
        }
    }

    /// The families that look like one of the store's under another prefix.
    pub(crate) fn renamed_families(&self, registered: &[RegisteredSchema]) -> Vec<RenamedFamily> {
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        families::renamed(types.values().map(|known| &**known), registered)
    }

    /// Checks an event's payload against the schema of its type and version, and that it can be
    /// read again: a schema does not tell every number or text that a type refuses.
    ///
    /// # Errors
    /// [`SchemaError::Unregistered`], [`SchemaError::Violation`] or [`SchemaError::Unreadable`].
    pub fn check(&self, event: &NewEvent) -> Result<(), SchemaError> {
        self.look(event)?;
        self.read(event)
    }

    /// Reads an event's payload as those will who come later.
    ///
    /// # Errors
    /// [`SchemaError::Unreadable`].
    pub(crate) fn read(&self, event: &NewEvent) -> Result<(), SchemaError> {
        let read = {
            let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
            types.get(event.event_type.as_str()).map(|known| known.descriptor.read)
        };
        let Some(read) = read else { return Ok(()) };
        let (version, payload) = (event.schema_version, event.payload.as_str());
        // An upcaster is the user's, and what comes in from outside must not panic.
        let read = std::panic::catch_unwind(|| read(version, payload));
        Ok(read.unwrap_or_else(|_| {
            let event_type = event.event_type.to_string();
            Err(DecodeError::Panicked { event_type, version })
        })?)
    }

    /// Checks an event's payload against the schema of its type and version, and returns what the
    /// store may not know yet.
    ///
    /// # Errors
    /// [`SchemaError::Unregistered`] or [`SchemaError::Violation`].
    pub(crate) fn look(&self, event: &NewEvent) -> Result<Option<Unbound>, SchemaError> {
        let unregistered = || SchemaError::Unregistered {
            event_type: event.event_type.to_string(),
            version: event.schema_version,
        };
        let known = {
            let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
            types.get(event.event_type.as_str()).cloned().ok_or_else(unregistered)?
        };
        let index = (event.schema_version as usize).checked_sub(1).ok_or_else(unregistered)?;
        let version = known.versions.get(index).ok_or_else(unregistered)?;
        version.schema.check(event)?;
        let bound = version.is_bound();
        Ok((!bound).then(|| Unbound { known, index }))
    }
}

/// The types of `E`, each of which holds together, and no two of which claim one name.
fn prove<E: Event>() -> Result<Vec<KnownType>, SchemaError> {
    let mut proved: Vec<KnownType> = Vec::new();
    for descriptor in E::descriptors() {
        let new = KnownType::prove(descriptor)?;
        match proved.iter().find(|first| first.event_type() == new.event_type()) {
            Some(first) => first.check_twin(&new)?,
            None => proved.push(new),
        }
    }
    Ok(proved)
}
