//! `annals head`.

use annals::store::{LogQuery, Operate};
use annals::{Position, Timestamp};
use serde::Serialize;

use crate::failure::Failure;
use crate::screen::Screen;

#[derive(Serialize)]
struct Head {
    position: u64,
    recorded_at: Option<Timestamp>,
}

pub(crate) async fn head(store: &dyn Operate, screen: &mut Screen) -> Result<(), Failure> {
    let position = store.head().await?;
    let before = Position::new(position.get().saturating_sub(1));
    let page = store.read_log(&LogQuery::after(before).limit(1)).await?;
    let recorded_at = page.events.first().map(|event| event.recorded_at);
    if screen.is_json() {
        return screen.json(&Head { position: position.get(), recorded_at });
    }
    match recorded_at {
        Some(at) => screen.line(&format!("{position}  {at}")),
        None => screen.line(&position.to_string()),
    }
}
