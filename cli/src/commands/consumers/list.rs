//! `annals consumers list`.

use annals::ops;
use annals::store::Operate;

use super::status::{Shown, state};
use crate::failure::Failure;
use crate::screen::{Screen, seconds, table};

pub(super) async fn list(
    store: &dyn Operate,
    log: &dyn Operate,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let now = store.now().await?;
    let mut shown = Vec::new();
    for status in ops::consumers(store).await? {
        shown.push(Shown::of(status, log, now).await?);
    }
    if screen.is_json() {
        return shown.iter().try_for_each(|one| screen.json(one));
    }
    if shown.is_empty() {
        return screen.line("no program has run a consumer here");
    }
    let rows = shown.into_iter().map(|Shown { status, lag }| {
        [
            status.name.clone(),
            status.kind.clone(),
            status.version.to_string(),
            status.partitions.len().to_string(),
            status.position.to_string(),
            lag.map_or("-".to_owned(), |lag| lag.events.to_string()),
            lag.map_or("-".to_owned(), |lag| seconds(lag.seconds)),
            status.parked_keys.to_string(),
            state(&status),
        ]
    });
    let header = [
        "CONSUMER",
        "KIND",
        "VERSION",
        "PARTITIONS",
        "POSITION",
        "BEHIND",
        "FOR",
        "PARKED",
        "STATE",
    ];
    screen.line(&table(header, rows))
}
