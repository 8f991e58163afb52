//! `annals parked show`.

use annals::ops::{self, Parked, Waiting};
use annals::store::{LogQuery, Operate};
use annals::{Payload, Position, RecordedEvent};
use serde::Serialize;

use super::list::{next, of};
use crate::failure::Failure;
use crate::screen::{EventJson, Screen, escaped, one_line};

#[derive(Serialize)]
struct Shown<'s> {
    #[serde(flatten)]
    key: &'s Parked,
    waiting: Vec<WaitingJson<'s>>,
}

/// An event of the log, or a message that came from elsewhere.
#[derive(Serialize)]
#[serde(untagged)]
enum WaitingJson<'w> {
    Event(EventJson<'w>),
    Message { position: u64, body: Option<Payload> },
}

pub(super) async fn show(
    store: &dyn Operate,
    log: &dyn Operate,
    (consumer, key): (&str, &str),
    limit: u32,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let parked = of(store, consumer).await?;
    // A newer generation may have parked it, too.
    let mut shown = false;
    for parked in parked.iter().filter(|parked| parked.key == key) {
        shown = true;
        let mut waiting = Vec::new();
        for item in ops::waiting(store, parked, limit).await? {
            let event = match item.body {
                Some(_) => None,
                None => event(log, item.position).await?,
            };
            waiting.push((item, event));
        }
        match screen.is_json() {
            true => screen.json(&json(parked, &waiting))?,
            false => text(parked, &waiting, screen)?,
        }
    }
    match shown {
        true => Ok(()),
        false => Err(Failure::NotThere(format!(
            "`{consumer}` has no parked key `{key}`: annals parked list {consumer}"
        ))),
    }
}

async fn event(log: &dyn Operate, position: Position) -> Result<Option<RecordedEvent>, Failure> {
    let before = Position::new(position.get().saturating_sub(1));
    let page = log.read_log(&LogQuery::after(before).up_to(position).limit(1)).await?;
    Ok(page.events.into_iter().next())
}

fn json<'s>(key: &'s Parked, waiting: &'s [(Waiting, Option<RecordedEvent>)]) -> Shown<'s> {
    let waiting = waiting.iter().map(|(item, event)| match event {
        Some(event) => WaitingJson::Event(event.into()),
        None => WaitingJson::Message {
            position: item.position.get(),
            body: item.body.clone().map(Payload::from_stored),
        },
    });
    Shown { key, waiting: waiting.collect() }
}

fn text(
    key: &Parked,
    waiting: &[(Waiting, Option<RecordedEvent>)],
    screen: &mut Screen,
) -> Result<(), Failure> {
    let facts = [
        ("consumer", key.consumer.clone()),
        ("generation", key.generation.to_string()),
        ("key", key.key.clone()),
        ("reason", key.reason.clone()),
        ("failed at", format!("position {}, {}", key.position, key.event_type)),
        ("attempts", key.attempts.to_string()),
        ("parked since", key.since.to_string()),
        ("next attempt", next(key)),
        ("waiting", format!("{} events", key.events)),
    ];
    for (name, text) in facts {
        screen.line(&format!("{name:<13} {}", escaped(&text)))?;
    }
    for (item, event) in waiting {
        match (event, &item.body) {
            (Some(event), _) => screen.event(event)?,
            (None, Some(body)) => {
                let body = one_line(body, usize::MAX);
                screen.line(&format!("{:>8}  {body}", item.position.get()))?;
            }
            (None, None) => {
                let at = item.position.get();
                screen.line(&format!("{at:>8}  this store's log has no such event: see --log"))?;
            }
        }
    }
    let left = key.events.saturating_sub(waiting.len() as u64);
    match left {
        0 => Ok(()),
        left => screen.line(&format!("{left} more: --limit {}", key.events)),
    }
}
