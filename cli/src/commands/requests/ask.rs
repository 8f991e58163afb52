//! Asking whoever runs a consumer for something, and waiting for the answer.

use std::pin::pin;
use std::time::Duration;

use annals::Uuid;
use annals::ops::{self, Ask, Request};
use annals::store::Operate;
use serde::Serialize;
use tokio::time::Instant;

use super::super::consumers::unknown;
use crate::arguments::Asking;
use crate::ending::ending;
use crate::failure::Failure;
use crate::screen::{Progress, Screen, Unit, escaped};

/// How often the answer is looked for.
const LOOK_AFTER: Duration = Duration::from_millis(100);

/// What cannot be undone wants a reason.
pub(in crate::commands) fn why(asking: &Asking) -> Result<(), Failure> {
    match asking.why.as_deref().unwrap_or_default().trim().is_empty() {
        true => Err(Failure::Usage("this cannot be undone: say why with --why TEXT".to_owned())),
        false => Ok(()),
    }
}

/// Asks, and shows the answer; `None` when it is not waited for.
pub(in crate::commands) async fn ask(
    store: &dyn Operate,
    consumer: &str,
    ask: &Ask,
    asking: &Asking,
    screen: &mut Screen,
) -> Result<Option<Request>, Failure> {
    let Some(request) = answer(store, consumer, ask, asking, screen).await? else {
        return Ok(None);
    };
    let said = request.answer.as_deref().unwrap_or_default();
    if screen.is_json() {
        screen.json(&request)?;
    } else if !request.is_refused() {
        screen.line(&format!("{}: {}", escaped(consumer), escaped(said)))?;
    }
    match request.is_refused() {
        true => Err(Failure::Refused(format!("`{consumer}` refuses: {said}"))),
        false => Ok(Some(request)),
    }
}

async fn answer(
    store: &dyn Operate,
    consumer: &str,
    ask: &Ask,
    asking: &Asking,
    screen: &mut Screen,
) -> Result<Option<Request>, Failure> {
    #[derive(Serialize)]
    struct Asked {
        id: Uuid,
    }
    if ops::consumer(store, consumer).await?.is_none() {
        return Err(unknown(store, consumer).await?);
    }
    let who = asking.who();
    let why = asking.why.as_deref().unwrap_or_default();
    let id = ops::ask(store, consumer, ask, (&who, why)).await?;
    if asking.no_wait {
        return match screen.is_json() {
            true => screen.json(&Asked { id }),
            false => screen.line(&id.to_string()),
        }
        .map(|()| None);
    }
    let mut deadline = Instant::now() + asking.patience();
    let mut ending = pin!(ending());
    let rebuilds = matches!(ask, Ask::Other(verb, _) if verb == "rebuild");
    let mut rebuild = Rebuild::default();
    loop {
        let Some(request) = ops::request(store, id).await? else {
            return Err(Failure::NotThere(format!("request {id} is gone")));
        };
        if request.is_over() {
            return Ok(Some(request));
        }
        if rebuilds && rebuild.got_on(store, consumer).await? {
            deadline = Instant::now() + asking.patience();
        }
        if Instant::now() >= deadline {
            return Err(Failure::NoAnswer(unanswered(store, &request).await?));
        }
        tokio::select! {
            () = &mut ending => {
                return Err(Failure::NoAnswer(format!(
                    "interrupted; the request stays: annals requests show {id}"
                )));
            }
            () = tokio::time::sleep(LOOK_AFTER) => {}
        }
    }
}

/// Why there is no answer yet.
async fn unanswered(store: &dyn Operate, request: &Request) -> Result<String, Failure> {
    let stays = format!("The request stays: annals requests show {}", request.id);
    let members = ops::members(store).await?;
    let taker = members.iter().find(|member| Some(member.id) == request.taken_by && member.alive);
    if let Some(taker) = taker {
        return Ok(format!("`{}` has taken it and is not done. {stays}", taker.label));
    }
    let why = nobody(store, &request.consumer).await?;
    Ok(format!("nobody takes it: {why}. {stays}"))
}

/// Why nobody does what is asked of a consumer, as far as the store tells.
pub(in crate::commands) async fn nobody(
    store: &dyn Operate,
    consumer: &str,
) -> Result<String, Failure> {
    let version = ops::consumer(store, consumer).await?.map_or(0, |status| status.version);
    let members = ops::members(store).await?;
    let living: Vec<_> = members.iter().filter(|member| member.alive).collect();
    let has = |wanted: Option<u32>| {
        living.iter().any(|member| {
            let own = member.consumers.get(consumer);
            own.is_some_and(|own| wanted.is_none_or(|wanted| *own == wanted))
        })
    };
    if has(Some(version)) {
        return Ok(
            "a living member has this consumer and has not looked yet, or cannot do it".into()
        );
    }
    let there: Vec<String> = living
        .iter()
        .map(|member| match member.consumers.get(consumer) {
            Some(own) => format!("`{}` has version {own}", member.label),
            None => format!("`{}` does not have it", member.label),
        })
        .collect();
    Ok(match there.is_empty() {
        true => format!("no member is alive that has `{consumer}` at version {version}; start one"),
        false => {
            format!("no living member has `{consumer}` at version {version}; {}", there.join(", "))
        }
    })
}

/// How far the newest generation of a consumer has come.
#[derive(Default)]
struct Rebuild {
    at: u64,
    progress: Option<Progress>,
}

impl Rebuild {
    /// Shows it, and says whether it has come further.
    async fn got_on(&mut self, store: &dyn Operate, consumer: &str) -> Result<bool, Failure> {
        let Some(status) = ops::consumer(store, consumer).await? else { return Ok(false) };
        let newest = status.partitions.iter().map(|part| part.generation).max();
        let Some(newest) = newest.filter(|newest| *newest > status.generation) else {
            return Ok(false);
        };
        let parts = status.partitions.iter().filter(|part| part.generation == newest);
        let at = parts.map(|part| part.position.get()).min().unwrap_or_default();
        if self.progress.is_none() {
            // Where the log is elsewhere, nobody knows how much is to come.
            let head = store.head().await?.get();
            self.progress = Some(Progress::new(Some(head).filter(|head| *head > 0), Unit::Events));
        }
        if let Some(progress) = &self.progress {
            progress.reach(at);
        }
        let got_on = at > self.at;
        self.at = at;
        Ok(got_on)
    }
}
