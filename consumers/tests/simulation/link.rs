//! What stands between a process and its store: the process may be frozen or dead, and the network may
//! refuse or swallow what it says.

use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::signal::until;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Contact {
    /// It carries everything.
    Good,
    /// It says at once that nobody is there.
    Refused,
    /// Nothing comes back for as long as it lasts.
    Silent,
}

/// How a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    Frozen,
    Dead,
}

#[derive(Debug)]
struct State {
    life: Life,
    contact: Contact,
    thawed_at: Option<Instant>,
}

/// The way of one process to the store and to the world.
#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    told: Notify,
}

impl Link {
    pub(crate) fn new() -> Self {
        let state = State { life: Life::Running, contact: Contact::Good, thawed_at: None };
        Self { state: Mutex::new(state), told: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.told.notify_waiters();
    }

    /// From now on the process makes no step that anybody sees.
    pub(crate) fn freeze(&self) {
        self.change(|state| state.life = Life::Frozen);
    }

    /// It goes on with all that it believed, unless it is dead.
    pub(crate) fn thaw(&self) {
        self.change(|state| {
            if state.life == Life::Frozen {
                state.life = Life::Running;
                state.thawed_at = Some(Instant::now());
            }
        });
    }

    /// It never makes another step.
    pub(crate) fn kill(&self) {
        self.change(|state| state.life = Life::Dead);
    }

    pub(crate) fn set_contact(&self, contact: Contact) {
        self.change(|state| state.contact = contact);
    }

    pub(crate) fn contact(&self) -> Contact {
        self.state().contact
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state().life == Life::Running
    }

    /// Whether it went on not longer ago than this.
    pub(crate) fn thawed_within(&self, time: Duration) -> bool {
        self.state().thawed_at.is_some_and(|at| at.elapsed() <= time)
    }

    /// Waits for as long as the process makes no steps.
    pub(crate) async fn pass(&self) {
        until(&self.told, || self.state().life != Life::Frozen).await;
        if self.state().life == Life::Dead {
            pending().await
        }
    }

    /// Waits until it makes no steps any more.
    pub(crate) async fn shut(&self) {
        until(&self.told, || self.state().life != Life::Running).await;
    }

    /// Waits until the network does something else.
    pub(crate) async fn contact_changes(&self, from: Contact) {
        until(&self.told, || self.state().contact != from).await;
    }
}
