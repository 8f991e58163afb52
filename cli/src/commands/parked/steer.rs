//! `annals parked retry` and `discard`.

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use annals::ops::{self, Ask, Parked};
use annals::store::Operate;
use tokio::time::Instant;

use super::super::requests::ask;
use super::list::{next, of, show};
use crate::arguments::{Asking, Chosen};
use crate::failure::Failure;
use crate::screen::{Screen, escaped};

/// How often is looked what came of a retry.
const LOOK_AFTER: Duration = Duration::from_millis(100);

pub(super) async fn retry(
    store: &dyn Operate,
    chosen: &Chosen,
    asking: &Asking,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let before = choose(store, chosen).await?;
    if before.is_empty() {
        return show(&before, screen);
    }
    let deadline = Instant::now() + asking.patience();
    let asked =
        ask::ask(store, &chosen.consumer, &Ask::Retry(names(&before)), asking, screen).await?;
    if asked.is_none() {
        return Ok(());
    }
    // It is answered when the keys are due; whoever works on them tries them between two batches.
    let is_tried = |key: &Parked, now: &[Parked]| {
        let now = now.iter().find(|now| now.key == key.key && now.generation == key.generation);
        now.is_none_or(|now| now.attempts != key.attempts)
    };
    let now = loop {
        let now = ops::parked(store, &chosen.consumer).await?;
        if before.iter().all(|key| is_tried(key, &now)) || Instant::now() >= deadline {
            break now;
        }
        tokio::time::sleep(LOOK_AFTER).await;
    };
    let left: Vec<Parked> =
        now.into_iter().filter(|now| before.iter().any(|key| key.key == now.key)).collect();
    if !screen.is_json() {
        for key in &before {
            let name = escaped(&key.key);
            match left.iter().find(|left| left.key == key.key) {
                None => screen.line(&format!("{name}: healed"))?,
                Some(left) if left.attempts == key.attempts => {
                    screen.line(&format!("{name}: not tried yet"))?;
                }
                Some(left) => {
                    let (reason, next) = (escaped(&left.reason), next(left));
                    screen.line(&format!("{name}: failed again, next attempt {next}: {reason}"))?;
                }
            }
        }
    }
    match left.len() {
        0 => Ok(()),
        n => Err(Failure::StillParked(n)),
    }
}

pub(super) async fn discard(
    store: &dyn Operate,
    chosen: &Chosen,
    yes: bool,
    asking: &Asking,
    screen: &mut Screen,
) -> Result<(), Failure> {
    ask::why(asking)?;
    let keys = choose(store, chosen).await?;
    if keys.is_empty() {
        return show(&keys, screen);
    }
    if chosen.all && !yes {
        show(&keys, screen)?;
        screen.flush()?;
        confirm(&keys)?;
    }
    let wanted = Ask::Discard(names(&keys));
    ask::ask(store, &chosen.consumer, &wanted, asking, screen).await.map(drop)
}

/// The keys that are meant, as they are parked now.
async fn choose(store: &dyn Operate, chosen: &Chosen) -> Result<Vec<Parked>, Failure> {
    let Chosen { consumer, keys, all } = chosen;
    let mut parked = of(store, consumer).await?;
    if *all {
        return Ok(parked);
    }
    if let Some(missing) = keys.iter().find(|key| !parked.iter().any(|one| one.key == **key)) {
        return Err(Failure::NotThere(format!(
            "`{consumer}` has no parked key `{missing}`: annals parked list {consumer}"
        )));
    }
    parked.retain(|one| keys.contains(&one.key));
    Ok(parked)
}

fn names(keys: &[Parked]) -> Vec<String> {
    let mut names: Vec<String> = keys.iter().map(|key| key.key.clone()).collect();
    names.dedup();
    names
}

fn confirm(keys: &[Parked]) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "nothing is discarded: nobody can be asked here; say --yes, or name the keys"
                .to_owned(),
        ));
    }
    let (n, events) = (keys.len(), keys.iter().map(|key| key.events).sum::<u64>());
    eprint!("Discard {n} keys with {events} events? They never have their effect. [y/N] ");
    let io = |error: std::io::Error| Failure::Io(error.to_string());
    std::io::stderr().flush().map_err(io)?;
    let mut said = String::new();
    std::io::stdin().lock().read_line(&mut said).map_err(io)?;
    match said.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::Usage("nothing is discarded".to_owned())),
    }
}
