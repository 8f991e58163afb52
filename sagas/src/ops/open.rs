//! The instances that have not ended.

use annals_consumers::timers;
use annals_core::store::{EventLog, StoreError, Workspace};

use super::{AT_A_TIME, Shown, alarm, show, standing};
use crate::event::stream_of;
use crate::ledger::{Ledger, OVERALL, Phase, REMINDER};

/// How many instances are looked at for a page of the list, unless more are wanted.
const MOST_LOOKED_AT: usize = 10_000;

/// Where an instance stands that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// [`Phase::Running`].
    Running,
    /// [`Phase::Completing`].
    Completing,
    /// [`Phase::Compensating`].
    Compensating,
    /// [`Phase::Stuck`].
    Stuck,
}

impl State {
    /// In a word, as [`Phase::as_str`].
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completing => "completing",
            Self::Compensating => "compensating",
            Self::Stuck => "stuck",
        }
    }

    fn of(phase: &Phase) -> Option<Self> {
        match phase {
            Phase::Running => Some(Self::Running),
            Phase::Completing => Some(Self::Completing),
            Phase::Compensating { .. } => Some(Self::Compensating),
            Phase::Stuck { .. } => Some(Self::Stuck),
            Phase::New | Phase::Ended(_) => None,
        }
    }

    /// The deadline that every instance has which stands there.
    fn deadline(self) -> &'static str {
        match self {
            Self::Running | Self::Completing => OVERALL,
            Self::Compensating | Self::Stuck => REMINDER,
        }
    }
}

/// Which of the instances that have not ended are wanted.
#[derive(Debug, Clone)]
pub struct OpenQuery {
    /// Only those that stand there.
    pub state: Option<State>,
    /// Only what follows: [`OpenPage::next`] of the page before.
    pub after: Option<String>,
    /// How many at the most.
    pub most: usize,
}

/// An instance that has not ended.
#[derive(Debug)]
pub struct Open {
    /// Which.
    pub instance: String,
    /// What is known of it, or why its stream cannot be understood.
    pub known: Result<Ledger, String>,
}

/// A page of the instances that have not ended.
#[derive(Debug, Default)]
pub struct OpenPage {
    /// They.
    pub instances: Vec<Open>,
    /// There may be more, behind this.
    pub next: Option<String>,
}

/// A page of the instances of a saga that have not ended, in the order of their timers. Each has one deadline
/// that says how long it may take, or one that brings it to mind, and is found by that. One that cannot be
/// understood is there whatever state is wanted.
///
/// # Errors
/// [`StoreError`] when the store cannot be read, or a timer cannot be understood.
pub async fn list(
    (log, work): (&dyn EventLog, &dyn Workspace),
    saga: &str,
    query: &OpenQuery,
) -> Result<OpenPage, StoreError> {
    let (mut page, mut after, mut looked_at) = (OpenPage::default(), query.after.clone(), 0);
    let most_looked_at = query.most.max(MOST_LOOKED_AT);
    loop {
        let found = timers(work, saga, after.as_deref(), AT_A_TIME).await?;
        for timer in &found {
            let alarm = alarm(saga, timer)?;
            let is_wanted = match query.state {
                None => [OVERALL, REMINDER].contains(&&*alarm.deadline),
                Some(state) => state.deadline() == alarm.deadline,
            };
            if is_wanted {
                if page.instances.len() >= query.most || looked_at == most_looked_at {
                    page.next = Some(after.unwrap_or_default());
                    return Ok(page);
                }
                looked_at += 1;
                page.instances.extend(look(log, saga, &alarm.instance, query.state).await?);
            }
            after = Some(timer.key.clone());
        }
        if found.len() < AT_A_TIME as usize {
            return Ok(page);
        }
    }
}

/// An instance, if it has not ended and stands as it is wanted.
async fn look(
    log: &dyn EventLog,
    saga: &str,
    instance: &str,
    wanted: Option<State>,
) -> Result<Option<Open>, StoreError> {
    let known = match stream_of(saga, instance) {
        Err(why) => Err(why.to_string()),
        Ok(stream) => match standing(log, &stream).await {
            Ok((ledger, _)) => Ok(ledger),
            Err(error @ StoreError::Corrupt { .. }) => Err(error.to_string()),
            Err(error) => return Err(error),
        },
    };
    let is_wanted = match &known {
        Ok(ledger) => State::of(ledger.phase())
            .is_some_and(|stands| wanted.is_none_or(|wanted| wanted == stands)),
        Err(_) => true,
    };
    Ok(is_wanted.then(|| Open { instance: instance.to_owned(), known }))
}

/// The instances of a saga that have not ended, with their steps, `most` of them: see [`list`].
///
/// # Errors
/// [`StoreError`] when the store cannot be read, or holds what cannot be understood.
pub async fn open(
    (log, work): (&dyn EventLog, &dyn Workspace),
    saga: &str,
    most: usize,
) -> Result<Vec<Shown>, StoreError> {
    let page = list((log, work), saga, &OpenQuery { state: None, after: None, most }).await?;
    let mut all = Vec::new();
    for open in page.instances {
        all.extend(show(log, saga, &open.instance).await?);
    }
    Ok(all)
}
