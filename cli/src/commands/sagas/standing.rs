//! Where an instance stands, for people and for programs.

use annals::Timestamp;
use annals::sagas::{Ledger, Phase};
use serde::Serialize;

/// Where an instance stands. The names of the fields stay.
#[derive(Serialize)]
pub(super) struct Standing<'s> {
    pub(super) saga: &'s str,
    pub(super) instance: &'s str,
    pub(super) state: &'static str,
    /// Why it is compensated, or stuck, or cannot be understood.
    pub(super) reason: Option<String>,
    pub(super) steps: u64,
    pub(super) last_step_at: Option<Timestamp>,
    pub(super) next_wake_up: Option<WakeUp<'s>>,
    /// The commands whose replies are to come.
    pub(super) waits_for: Vec<WaitsFor<'s>>,
}

#[derive(Serialize)]
pub(super) struct WakeUp<'s> {
    pub(super) deadline: &'s str,
    pub(super) at: Timestamp,
}

#[derive(Serialize)]
pub(super) struct WaitsFor<'s> {
    number: u64,
    command: &'s str,
    category: &'s str,
    id: &'s str,
}

impl<'s> Standing<'s> {
    pub(super) fn of(saga: &'s str, instance: &'s str, ledger: &'s Ledger) -> Self {
        let waits_for = ledger.waits_for().map(|(number, errand)| WaitsFor {
            number,
            command: &errand.command,
            category: &errand.category,
            id: &errand.id,
        });
        let next = ledger.deadlines().iter().min_by_key(|(_, at)| **at);
        Self {
            saga,
            instance,
            state: ledger.phase().as_str(),
            reason: reason(ledger.phase()),
            steps: ledger.steps(),
            last_step_at: Some(ledger.last_step_at()),
            next_wake_up: next.map(|(deadline, at)| WakeUp { deadline, at: *at }),
            waits_for: waits_for.collect(),
        }
    }

    /// One whose stream cannot be understood.
    pub(super) fn unreadable(saga: &'s str, instance: &'s str, why: &str) -> Self {
        Self {
            saga,
            instance,
            state: "unreadable",
            reason: Some(why.to_owned()),
            steps: 0,
            last_step_at: None,
            next_wake_up: None,
            waits_for: Vec::new(),
        }
    }

    /// What wakes it next.
    pub(super) fn wake_up(&self) -> String {
        match &self.next_wake_up {
            Some(WakeUp { deadline, at }) => format!("{at} {deadline}"),
            None => "-".to_owned(),
        }
    }
}

fn reason(phase: &Phase) -> Option<String> {
    match phase {
        Phase::Compensating { reason } => Some(reason.clone()),
        Phase::Stuck { reason, command, refusal } => {
            Some(format!("#{command} was refused: {refusal}; compensated because {reason}"))
        }
        _ => None,
    }
}
