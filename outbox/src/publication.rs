//! What a route makes of events: the one way from a private event to public ones, for relays and histories.

use std::sync::Arc;

use annals_consumers::ConsumeError;
use annals_core::store::LogFilter;
use annals_core::{Event, EventType, NewEvent, Recorded, RecordedEvent, SchemaRegistry};

use crate::address::Address;
use crate::outgoing::Outgoing;
use crate::route::Route;

/// A route with what it is asked once only.
pub(crate) struct Publication<R> {
    pub(crate) route: R,
    source: Arc<str>,
    /// The public events'.
    schemas: SchemaRegistry,
}

impl<R: Route> Publication<R> {
    pub(crate) fn new(route: R) -> Self {
        let schemas = SchemaRegistry::default();
        // A schema that does not hold together is told when the types are registered, before anything runs.
        let _ = schemas.register::<R::Public>();
        Self { source: route.source().into(), route, schemas }
    }

    /// The name of the service to others.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The events that it looks at.
    pub(crate) fn filter(&self) -> LogFilter {
        let descriptors = R::Event::descriptors();
        let types = descriptors.iter().map(|event| EventType::from_static(event.event_type));
        LogFilter {
            event_types: types.collect(),
            categories: self.route.categories(),
            ..LogFilter::default()
        }
    }

    /// What an event becomes, and where it goes. What cannot be written now never can.
    pub(crate) fn of(
        &self,
        event: &RecordedEvent,
    ) -> Result<Vec<(Address, Outgoing)>, ConsumeError> {
        let recorded = Recorded::decode(event.clone()).map_err(ConsumeError::poison)?;
        let publics = self.route.publish(&recorded);
        let mut all = Vec::with_capacity(publics.len());
        for (index, public) in publics.iter().enumerate() {
            let Some(place) = self.route.place(&recorded, public) else {
                let why = format!("the route `{}` says no place for it", R::NAME);
                return Err(ConsumeError::poison(why));
            };
            let name = EventType::from_static(public.event_type());
            let payload = public.encode().map_err(ConsumeError::poison)?;
            let checked = NewEvent::identified(event.id, name, public.schema_version(), payload);
            self.schemas.check(&checked).map_err(ConsumeError::poison)?;
            let outgoing = Outgoing::of(
                event,
                index,
                (&self.source, R::NAME, R::KEY.of(event)),
                (public.event_type(), public.schema_version(), checked.payload),
            );
            all.push((place, outgoing));
        }
        Ok(all)
    }
}
