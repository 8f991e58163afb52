//! `annals sagas show`.

use std::collections::BTreeMap;

use annals::Timestamp;
use annals::sagas::{Step, ops};
use serde::Serialize;

use super::standing::Standing;
use super::{Sides, unknown};
use crate::arguments::Meant;
use crate::failure::Failure;
use crate::screen::{Screen, escaped};

#[derive(Serialize)]
struct Shown<'s> {
    #[serde(flatten)]
    standing: Standing<'s>,
    deadlines: &'s BTreeMap<String, Timestamp>,
    history: &'s [Step],
}

pub(super) async fn show(
    Sides { log, work }: &Sides,
    Meant { saga, instance, .. }: &Meant,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let Some(shown) = ops::show(&**log, saga, instance).await? else {
        return Err(unknown(&**work, saga, Some(instance)).await);
    };
    let standing = Standing::of(saga, instance, &shown.ledger);
    if screen.is_json() {
        let deadlines = shown.ledger.deadlines();
        return screen.json(&Shown { standing, deadlines, history: &shown.steps });
    }
    let mut facts = vec![
        ("saga", saga.clone()),
        ("instance", instance.clone()),
        ("state", standing.state.to_owned()),
    ];
    facts.extend(standing.reason.clone().map(|reason| ("reason", reason)));
    if let (Some(first), Some(last)) = (shown.steps.first(), shown.steps.last()) {
        let version = match (first.version, last.version) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first} at first, {last} in the end"),
        };
        facts.extend([
            ("version", version),
            ("begun at", first.at.to_string()),
            ("last step at", last.at.to_string()),
        ]);
    }
    facts.push(("steps", standing.steps.to_string()));
    facts.push(("next wake-up", standing.wake_up()));
    for (name, text) in facts {
        screen.line(&format!("{name:<13} {}", escaped(&text)))?;
    }
    screen.line("")?;
    shown.timeline().lines().iter().try_for_each(|line| screen.line(&escaped(line)))
}
