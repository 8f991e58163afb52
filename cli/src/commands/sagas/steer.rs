//! `annals sagas retry`, `resolve`, `cancel` and `rearm`.

use annals::sagas::Steer;
use annals::sagas::ops::{self, SteerError};
use annals::store::{Operate, Stores};
use annals::{Journal, JournalOptions};
use serde::Serialize;

use super::super::requests::ask;
use super::{Sides, unknown};
use crate::arguments::Meant;
use crate::failure::Failure;
use crate::screen::{Screen, escaped};

#[derive(Serialize)]
struct Steered<'s> {
    saga: &'s str,
    instance: &'s str,
    #[serde(flatten)]
    steer: &'s Steer,
    /// Why nobody hears it now.
    waits_because: Option<String>,
}

#[derive(Serialize)]
struct Rearmed<'r> {
    saga: &'r str,
    instance: &'r str,
    deadlines: &'r [String],
}

/// What cannot be undone wants some words.
pub(super) fn said(text: Option<String>, way_out: &str) -> Result<String, Failure> {
    let said = text.unwrap_or_default();
    match said.trim().is_empty() {
        true => Err(Failure::Usage(format!("this cannot be undone: {way_out}"))),
        false => Ok(said),
    }
}

pub(super) async fn steer(
    sides: &Sides,
    meant: &Meant,
    steer: Steer,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let Meant { saga, instance, .. } = meant;
    let journal = Journal::new(stores(sides), JournalOptions::default());
    match ops::steer(&journal, saga, instance, steer.clone()).await {
        Ok(()) => {}
        Err(SteerError::Unknown { .. }) => {
            return Err(unknown(&*sides.work, saga, Some(instance)).await);
        }
        Err(SteerError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(Failure::Refused(error.to_string())),
    }
    let waits_because = nobody(&*sides.work, saga).await?;
    if screen.is_json() {
        return screen.json(&Steered { saga, instance, steer: &steer, waits_because });
    }
    let next = match &steer {
        Steer::Cancel { .. } => {
            "what it has done is undone, the last first, after the replies to what it has sent"
        }
        Steer::Retry { .. } => "the command that was refused is sent once more",
        Steer::Resolve { .. } => {
            "the command that was refused counts as done, and what is left is undone"
        }
    };
    let by = escaped(steer.by());
    screen.line(&format!("{} {}: {by} is heard", escaped(saga), escaped(instance)))?;
    screen.line(&format!("  next: {next}, by the program that runs the saga"))?;
    if let Some(why) = waits_because {
        screen.line(&format!("  until then it waits: {}", escaped(&why)))?;
    }
    let (saga, instance) = (escaped(saga), escaped(instance));
    screen.line(&format!("  see: annals sagas show {saga} {instance}"))
}

/// Nothing here is written to both in one transaction.
fn stores(Sides { log, work }: &Sides) -> Stores {
    Stores::apart(log.clone(), work.clone())
}

/// Why nobody hears it now, if so.
async fn nobody(store: &dyn Operate, saga: &str) -> Result<Option<String>, Failure> {
    let members = annals::ops::members(store).await?;
    for name in [saga.to_owned(), format!("{saga}-dispatcher")] {
        let Some(status) = annals::ops::consumer(store, &name).await? else {
            return Ok(Some(format!("no program has run `{name}` here: start the saga's")));
        };
        if let Some(by) = status.paused_by {
            return Ok(Some(format!("`{name}` is paused by {by}: annals consumers resume {name}")));
        }
        let runs = |version: &u32| *version == status.version;
        if !members.iter().any(|one| one.alive && one.consumers.get(&name).is_some_and(runs)) {
            return Ok(Some(ask::nobody(store, &name).await?));
        }
    }
    Ok(None)
}

pub(super) async fn rearm(
    sides: &Sides,
    Meant { saga, instance, .. }: &Meant,
    screen: &mut Screen,
) -> Result<(), Failure> {
    if ops::show(&*sides.log, saga, instance).await?.is_none() {
        return Err(unknown(&*sides.work, saga, Some(instance)).await);
    }
    let deadlines = ops::rearm(&stores(sides), saga, instance).await?;
    if screen.is_json() {
        return screen.json(&Rearmed { saga, instance, deadlines: &deadlines });
    }
    let set = match deadlines.is_empty() {
        true => "every deadline has its timer".to_owned(),
        false => format!("timers are set for {}", deadlines.join(", ")),
    };
    screen.line(&format!("{} {}: {}", escaped(saga), escaped(instance), escaped(&set)))
}
