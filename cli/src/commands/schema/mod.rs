//! `annals schema …`.

mod export;
mod files;
mod list;

use std::sync::Arc;

use annals::RegisteredSchema;
use annals::outbox::EventSchema;
use annals::store::Operate;

use crate::arguments::Schemas;
use crate::failure::Failure;
use crate::place::Place;
use crate::screen::Screen;

pub(crate) async fn schema(
    store: Arc<dyn Operate>,
    schemas: Schemas,
    screen: &mut Screen,
) -> Result<(), Failure> {
    match schemas {
        Schemas::List { log } => {
            let log = Place::beside(&store, log.log.as_deref()).await?;
            list::list(&*store, &*log, screen).await
        }
        Schemas::Export(wanted) => {
            let log = Place::beside(&store, wanted.log.log.as_deref()).await?;
            export::export(&*store, &*log, &wanted, screen).await
        }
    }
}

/// The schemas of the store's own events, by name and version.
async fn own(log: &dyn Operate) -> Result<Vec<EventSchema>, Failure> {
    let mut registered = log.schemas().await?;
    let place = |one: &RegisteredSchema| (one.event_type.clone(), one.version);
    registered.sort_by_key(place);
    let read = |one: RegisteredSchema| {
        let RegisteredSchema { event_type, version, schema, .. } = one;
        let schema = serde_json::from_str(&schema).map_err(|error| {
            let what = format!("the schema of `{event_type}` version {version}");
            Failure::Damaged(format!("{what} is no JSON: {error}; restore it from a backup"))
        })?;
        Ok(EventSchema::new(event_type, version, schema))
    };
    registered.into_iter().map(read).collect()
}
