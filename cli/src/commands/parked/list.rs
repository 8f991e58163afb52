//! `annals parked list`.

use annals::ops::{self, Parked};
use annals::store::Operate;

use super::super::consumers::unknown;
use crate::failure::Failure;
use crate::screen::{Screen, table};

pub(super) async fn list(
    store: &dyn Operate,
    consumer: Option<&str>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let parked = match consumer {
        Some(consumer) => of(store, consumer).await?,
        None => {
            let mut parked = Vec::new();
            for consumer in ops::consumers(store).await? {
                parked.extend(ops::parked(store, &consumer.name).await?);
            }
            parked
        }
    };
    show(&parked, screen)
}

/// The parked keys of a consumer that the store knows.
pub(super) async fn of(store: &dyn Operate, consumer: &str) -> Result<Vec<Parked>, Failure> {
    if ops::consumer(store, consumer).await?.is_none() {
        return Err(unknown(store, consumer).await?);
    }
    Ok(ops::parked(store, consumer).await?)
}

pub(super) fn show(parked: &[Parked], screen: &mut Screen) -> Result<(), Failure> {
    if screen.is_json() {
        return parked.iter().try_for_each(|key| screen.json(key));
    }
    if parked.is_empty() {
        return screen.line("no key is parked");
    }
    let rows = parked.iter().map(|key| {
        [
            key.consumer.clone(),
            key.key.clone(),
            key.position.to_string(),
            key.events.to_string(),
            key.attempts.to_string(),
            next(key),
            key.reason.clone(),
        ]
    });
    screen.line(&table(
        ["CONSUMER", "KEY", "POSITION", "EVENTS", "ATTEMPTS", "NEXT ATTEMPT", "REASON"],
        rows,
    ))
}

/// When it is tried again.
pub(super) fn next(key: &Parked) -> String {
    key.next_attempt.map_or_else(|| "when told".to_owned(), |next| next.to_string())
}
