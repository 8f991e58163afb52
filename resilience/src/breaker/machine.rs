//! What a breaker knows, and how that changes: no clock, no lock, no waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{BreakerOptions, BreakerState};
use crate::sliding::Sliding;

#[derive(Debug)]
pub(super) struct Machine {
    options: BreakerOptions,
    phase: Phase,
    /// How often the state has changed: what ends in another than it began in says nothing.
    pub(super) changes: u64,
    /// How often there was something to show: a change of state, or another reason for the same.
    pub(super) news: u64,
    pub(super) since: Instant,
    pub(super) reason: Arc<str>,
    /// Somebody outside knows that it is down, and why.
    down: Option<Arc<str>>,
    lately: Sliding,
    in_a_row: u32,
    /// How often it has opened since it was last closed.
    opened: u32,
}

#[derive(Debug)]
enum Phase {
    Closed,
    Open {
        until: Option<Instant>,
    },
    /// Probes under way, by number, with the time when each is given up.
    HalfOpen {
        probes: Vec<(u64, Option<Instant>)>,
        succeeded: u32,
        next: u64,
    },
    ForcedOpen,
    ForcedClosed,
}

/// A call that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    during: u64,
    probe: Option<u64>,
}

/// How a call that was let through has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Succeeded,
    Failed,
    /// Broken off by its caller, which says nothing about the other side.
    Cancelled,
}

impl Machine {
    pub(super) fn new(options: BreakerOptions, now: Instant) -> Self {
        let options = BreakerOptions { probes: options.probes.max(1), ..options };
        let lately = Sliding::new(options.window, now);
        let (phase, reason) = (Phase::Closed, "it is new".into());
        Self {
            options,
            phase,
            changes: 0,
            news: 0,
            since: now,
            reason,
            down: None,
            lately,
            in_a_row: 0,
            opened: 0,
        }
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
            Phase::ForcedOpen => BreakerState::ForcedOpen,
            Phase::ForcedClosed => BreakerState::ForcedClosed,
        }
    }

    /// When the next call may probe, where that is a matter of time.
    pub(super) fn until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { until } => until,
            _ => None,
        }
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, now: Instant) {
        if self.until().is_some_and(|until| until <= now) {
            self.half_open("its time is over".into(), now);
        }
    }

    /// Lets a call through, if one may pass.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Ticket> {
        self.pass(now);
        let probe = match &mut self.phase {
            Phase::Closed | Phase::ForcedClosed => None,
            Phase::Open { .. } | Phase::ForcedOpen => return None,
            Phase::HalfOpen { probes, succeeded, next } => {
                probes.retain(|(_, until)| until.is_none_or(|until| until > now));
                if probes.len() + *succeeded as usize >= self.options.probes as usize {
                    return None;
                }
                *next += 1;
                probes.push((*next, now.checked_add(self.options.probe_limit)));
                Some(*next)
            }
        };
        Some(Ticket { during: self.changes, probe })
    }

    /// A call that was let through has ended.
    pub(super) fn settle(&mut self, ticket: Ticket, ended: Ended, now: Instant) {
        if ticket.during != self.changes {
            return;
        }
        match &mut self.phase {
            Phase::Closed => self.count(ended, now),
            Phase::HalfOpen { probes, succeeded, .. } => {
                let place = probes.iter().position(|(probe, _)| Some(*probe) == ticket.probe);
                // A probe that was given up has none.
                let Some(place) = place else { return };
                let (_, until) = probes.swap_remove(place);
                if until.is_some_and(|until| until <= now) {
                    return;
                }
                match ended {
                    Ended::Cancelled => {}
                    Ended::Failed => self.open("a probe failed".into(), now),
                    Ended::Succeeded => {
                        *succeeded += 1;
                        if *succeeded == self.options.probes {
                            let reason = format!("{succeeded} of {succeeded} probes succeeded");
                            self.close(reason.into(), now);
                        }
                    }
                }
            }
            Phase::Open { .. } | Phase::ForcedOpen | Phase::ForcedClosed => {}
        }
    }

    fn count(&mut self, ended: Ended, now: Instant) {
        let failed = match ended {
            Ended::Cancelled => return,
            Ended::Succeeded => false,
            Ended::Failed => true,
        };
        let count = self.lately.now(now);
        count.calls += 1;
        count.marked += u64::from(failed);
        self.in_a_row = if failed { self.in_a_row.saturating_add(1) } else { 0 };
        if !failed {
            return;
        }
        if self.options.in_a_row.is_some_and(|most| self.in_a_row >= most) {
            let reason = format!("{} failures in a row", self.in_a_row);
            return self.open(reason.into(), now);
        }
        let lately = self.lately.total(now);
        let enough = lately.calls >= u64::from(self.options.at_least);
        let rate = lately.marked as f64 / lately.calls as f64;
        if enough && self.options.failure_rate.is_some_and(|most| rate >= most) {
            let (failed, calls, window) = (lately.marked, lately.calls, self.options.window);
            let reason = format!("{failed} of {calls} calls failed within {window:?}");
            self.open(reason.into(), now);
        }
    }

    /// Somebody outside knows that it is down.
    pub(super) fn down(&mut self, reason: Arc<str>, now: Instant) {
        if self.down.as_ref() == Some(&reason) {
            return;
        }
        self.down = Some(reason.clone());
        if !matches!(self.phase, Phase::ForcedOpen | Phase::ForcedClosed) {
            self.change(Phase::Open { until: None }, reason, now);
        }
    }

    /// Somebody outside knows that it is up: what is open need wait no longer to probe.
    pub(super) fn up(&mut self, now: Instant) {
        self.down = None;
        if let Phase::Open { .. } = self.phase {
            self.half_open("it is said to be up".into(), now);
        }
    }

    pub(super) fn force(&mut self, open: bool, reason: Arc<str>, now: Instant) {
        let phase = if open { Phase::ForcedOpen } else { Phase::ForcedClosed };
        self.change(phase, reason, now);
    }

    /// The operator takes the hand off: what is known to be down is open, what was forced open is probed.
    pub(super) fn automatic(&mut self, now: Instant) {
        let reason = "an operator has set it to automatic".into();
        match (&self.phase, &self.down) {
            (Phase::ForcedOpen | Phase::ForcedClosed, Some(down)) => {
                self.change(Phase::Open { until: None }, down.clone(), now);
            }
            (Phase::ForcedOpen, None) => self.half_open(reason, now),
            (Phase::ForcedClosed, None) => self.close(reason, now),
            _ => {}
        }
    }

    fn open(&mut self, reason: Arc<str>, now: Instant) {
        let BreakerOptions { open_for, open_at_most, .. } = self.options;
        let times = 2u32.saturating_pow(self.opened);
        self.opened = self.opened.saturating_add(1);
        let pause: Duration = open_for.saturating_mul(times).min(open_at_most.max(open_for));
        self.change(Phase::Open { until: now.checked_add(pause) }, reason, now);
    }

    fn half_open(&mut self, reason: Arc<str>, now: Instant) {
        self.change(Phase::HalfOpen { probes: Vec::new(), succeeded: 0, next: 0 }, reason, now);
    }

    fn close(&mut self, reason: Arc<str>, now: Instant) {
        self.lately = Sliding::new(self.options.window, now);
        (self.in_a_row, self.opened) = (0, 0);
        self.change(Phase::Closed, reason, now);
    }

    fn change(&mut self, phase: Phase, reason: Arc<str>, now: Instant) {
        let was = self.state();
        (self.phase, self.reason) = (phase, reason);
        self.news += 1;
        if self.state() != was {
            self.since = now;
            self.changes += 1;
        }
    }
}
