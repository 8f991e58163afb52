//! `annals consumers status`.

use std::pin::pin;
use std::time::Duration;

use annals::Timestamp;
use annals::ops::{self, ConsumerStatus, Lag};
use annals::store::Operate;
use serde::Serialize;

use crate::ending::ending;
use crate::failure::Failure;
use crate::screen::{Screen, escaped, seconds, table};

/// How often it is shown again.
const AGAIN: Duration = Duration::from_secs(1);

/// Which consumers are shown.
#[derive(Clone, Copy)]
pub(in crate::commands) enum Which<'n> {
    All,
    /// Those of a kind.
    Kind(&'n str),
    Named(&'n str),
}

/// A consumer as it is shown.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) status: ConsumerStatus,
    /// Of those that follow the log.
    pub(super) lag: Option<Lag>,
}

impl Shown {
    pub(super) async fn of(
        status: ConsumerStatus,
        log: &dyn Operate,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let lag = match status.origin {
            None => Some(ops::lag(log, status.position, now).await?),
            Some(_) => None,
        };
        Ok(Self { status, lag })
    }
}

pub(in crate::commands) async fn status(
    store: &dyn Operate,
    log: &dyn Operate,
    chosen: Which<'_>,
    watch: bool,
    screen: &mut Screen,
) -> Result<(), Failure> {
    if !watch {
        return match show(store, log, chosen, screen).await? {
            true => Err(Failure::Trouble),
            false => Ok(()),
        };
    }
    let mut ending = pin!(ending());
    loop {
        screen.clear()?;
        show(store, log, chosen, screen).await?;
        screen.flush()?;
        tokio::select! {
            () = &mut ending => return Ok(()),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Shows it once, and says whether something is in trouble.
async fn show(
    store: &dyn Operate,
    log: &dyn Operate,
    chosen: Which<'_>,
    screen: &mut Screen,
) -> Result<bool, Failure> {
    let statuses = match chosen {
        Which::All => ops::consumers(store).await?,
        Which::Kind(kind) => {
            let all = ops::consumers(store).await?.into_iter();
            all.filter(|status| status.kind == kind).collect()
        }
        Which::Named(name) => match ops::consumer(store, name).await? {
            Some(status) => vec![status],
            None => return Err(unknown(store, name).await?),
        },
    };
    let now = store.now().await?;
    let mut trouble = false;
    for status in statuses {
        trouble |= !status.trouble.is_empty();
        let shown = Shown::of(status, log, now).await?;
        match screen.is_json() {
            true => screen.json(&shown)?,
            false => show_one(&shown, log.head().await?.get(), screen)?,
        }
    }
    Ok(trouble)
}

fn show_one(Shown { status, lag }: &Shown, head: u64, screen: &mut Screen) -> Result<(), Failure> {
    let (name, kind) = (escaped(&status.name), escaped(&status.kind));
    screen.line(&format!(
        "{name}  {kind}, version {}, generation {}, {}",
        status.version,
        status.generation,
        state(status)
    ))?;
    let behind = match lag {
        None => "messages were dealt with".to_owned(),
        Some(lag) if lag.events == 0 => "at the end of the log".to_owned(),
        Some(lag) => format!("{} events behind for {}", lag.events, seconds(lag.seconds)),
    };
    screen.line(&format!("  position {}, {behind}", status.position))?;
    if let Some(origin) = &status.origin {
        screen.line(&format!("  receives {}", escaped(origin)))?;
    }
    if let Some(by) = &status.paused_by {
        screen.line(&format!("  paused by {}", escaped(by)))?;
    }
    if status.parked_keys > 0 {
        screen.line(&format!("  {} keys are parked", status.parked_keys))?;
    }
    for trouble in &status.trouble {
        screen.line(&format!("  trouble: {}", escaped(trouble)))?;
    }
    let rows = status.partitions.iter().map(|part| {
        let owner = match (&part.owner, part.left_by) {
            (Some(owner), _) => owner.clone(),
            (None, Some(_)) => "(dead)".to_owned(),
            (None, None) => "-".to_owned(),
        };
        [
            format!("{}/{}/{}", part.generation, part.epoch, part.part),
            part.position.to_string(),
            lag.map_or("-".to_owned(), |_| head.saturating_sub(part.position.get()).to_string()),
            part.state.clone(),
            part.since.to_string(),
            owner,
            part.reason.clone().unwrap_or_default(),
        ]
    });
    let header = ["GENERATION/CUT/PART", "POSITION", "BEHIND", "STATE", "SINCE", "OWNER", "REASON"];
    screen.line(&table(header, rows))
}

/// In a word: what it is doing, or what is wrong.
pub(super) fn state(status: &ConsumerStatus) -> String {
    if status.paused_by.is_some() {
        return "paused".to_owned();
    }
    if !status.trouble.is_empty() {
        return "in trouble".to_owned();
    }
    let serving = status.partitions.iter().filter(|part| part.generation == status.generation);
    match serving.clone().all(|part| part.state == "live") {
        true => "live".to_owned(),
        false => serving
            .map(|part| part.state.as_str())
            .find(|state| *state != "live")
            .unwrap_or("live")
            .to_owned(),
    }
}

/// There is no such consumer; which there are.
pub(in crate::commands) async fn unknown(
    store: &dyn Operate,
    name: &str,
) -> Result<Failure, Failure> {
    let known: Vec<String> =
        ops::consumers(store).await?.into_iter().map(|known| known.name).collect();
    Ok(Failure::NotThere(match known.is_empty() {
        true => format!("there is no consumer `{name}`: no program has run one here"),
        false => format!("there is no consumer `{name}`; there is {}", known.join(", ")),
    }))
}
