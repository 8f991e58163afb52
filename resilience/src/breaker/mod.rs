//! No calls to what does not work.

mod machine;
mod options;
mod status;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use self::machine::{Ended, Machine, Ticket};
pub use self::options::BreakerOptions;
pub use self::status::{BreakerState, BreakerStatus};
use crate::guarded::layer;
use crate::{Cautious, Classify, Fault, Refusal, Refused, ResilienceError};

/// No calls to what does not work: closed, it counts how calls end; after too many failures it is open, and
/// refuses all; after a time it is half-open, and lets exactly as many through as may probe. It stands before
/// the inner service's `poll_ready`, which is not asked while it is open. Clones share their state.
///
/// A call that its caller drops says nothing, and a probe that is dropped leaves its place to another, as
/// one does that has not ended when its time is over.
///
/// ```
/// use annals_resilience::{BreakerOptions, BreakerState, CircuitBreaker};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let breaker = CircuitBreaker::new("payments", BreakerOptions { in_a_row: Some(2), ..BreakerOptions::default() });
/// for _ in 0..2 {
///     assert!(breaker.run(|| async { Err::<(), _>("connection refused") }).await.is_err());
/// }
/// assert_eq!(breaker.state().state, BreakerState::Open);
/// let refused = breaker.run(|| async { Ok::<_, &str>(()) }).await.unwrap_err();
/// assert!(refused.inner().is_none(), "the call was not made");
///
/// tokio::time::advance(std::time::Duration::from_secs(5)).await;
/// for _ in 0..3 {
///     breaker.run(|| async { Ok::<_, &str>(()) }).await.unwrap();
/// }
/// assert_eq!(breaker.state().state, BreakerState::Closed);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CircuitBreaker<C = Cautious> {
    shared: Arc<Shared>,
    classify: C,
}

#[derive(Debug)]
struct Shared {
    name: Arc<str>,
    machine: Mutex<Machine>,
    told: watch::Sender<BreakerStatus>,
}

/// A call that a [`CircuitBreaker`] has let through: say how it ended. Dropped, it counts as broken off by
/// its caller, and says nothing.
#[derive(Debug)]
#[must_use = "dropped, the call counts as broken off"]
pub struct Permit {
    shared: Arc<Shared>,
    /// Taken when it is settled.
    ticket: Option<Ticket>,
}

layer!(CircuitBreaker<C>, Guarded);

impl CircuitBreaker {
    /// A breaker that is closed, and counts every error as a failure.
    pub fn new(name: impl Into<Arc<str>>, options: BreakerOptions) -> Self {
        let (name, machine) = (name.into(), Machine::new(options, Instant::now()));
        let status = status(&name, &machine);
        show(&status);
        let shared =
            Shared { name, machine: Mutex::new(machine), told: watch::Sender::new(status) };
        Self { shared: Arc::new(shared), classify: Cautious }
    }
}

impl<C> CircuitBreaker<C> {
    /// What errors say: [`Fault::Answer`] is no failure of the other side. The state stays shared with
    /// what this is made of.
    #[must_use]
    pub fn classify<E, F: Fn(&E) -> Fault>(self, classify: F) -> CircuitBreaker<F> {
        CircuitBreaker { shared: self.shared, classify }
    }

    /// Its name, as in metrics.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Makes the call if it may pass, and counts how it ends.
    ///
    /// # Errors
    /// The call's own, or [`Refusal::Breaker`].
    pub async fn run<T, E, F, Fut>(&self, call: F) -> Result<T, ResilienceError<E>>
    where
        C: Classify<E>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let permit = self.admit()?;
        let result = call().await;
        permit.settle(&result, &self.classify);
        result.map_err(ResilienceError::Failed)
    }

    /// Lets a call through, if one may pass, for those whose calls are no futures.
    ///
    /// ```
    /// use annals_resilience::{BreakerOptions, BreakerState, CircuitBreaker};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let breaker = CircuitBreaker::new("disk", BreakerOptions { in_a_row: Some(1), ..BreakerOptions::default() });
    /// match std::fs::read("/no/such/file") {
    ///     Ok(_) => breaker.admit().unwrap().succeeded(),
    ///     Err(_) => breaker.admit().unwrap().failed(),
    /// }
    /// assert_eq!(breaker.state().state, BreakerState::Open);
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refusal::Breaker`].
    pub fn admit(&self) -> Result<Permit, Refused> {
        let admitted = self.shared.change(|machine, now| {
            machine.admit(now).ok_or_else(|| status(&self.shared.name, machine))
        });
        let ticket = admitted
            .map_err(|status| Refused::new(&self.shared.name, Refusal::Breaker { status }))?;
        Ok(Permit { shared: self.shared.clone(), ticket: Some(ticket) })
    }

    /// What state it is in, since when, why, and until when.
    pub fn state(&self) -> BreakerStatus {
        let status = self.shared.change(|machine, now| {
            machine.pass(now);
            status(&self.shared.name, machine)
        });
        // A recorder may have been installed after the last change.
        show(&status);
        status
    }

    /// Every change of state, and of the reason for it, for health pages. It becomes half-open when the first call after its time comes,
    /// or [`state`](Self::state) is asked.
    ///
    /// ```
    /// use annals_resilience::{BreakerOptions, BreakerState, CircuitBreaker};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let breaker = CircuitBreaker::new("nats", BreakerOptions::default());
    /// let mut watched = breaker.watch();
    /// breaker.down("connection reset");
    /// watched.changed().await.unwrap();
    /// assert_eq!(watched.borrow().state, BreakerState::Open);
    /// # }
    /// ```
    pub fn watch(&self) -> watch::Receiver<BreakerStatus> {
        self.shared.told.subscribe()
    }

    /// Whoever holds the connection knows that it is down: open until [`up`](Self::up) is said, however long
    /// that takes. Said again, it is the new reason.
    pub fn down(&self, reason: impl Into<Arc<str>>) {
        self.shared.change(|machine, now| machine.down(reason.into(), now));
    }

    /// Whoever holds the connection knows that it is up: the next calls probe, without waiting for the time
    /// to pass.
    ///
    /// ```
    /// use annals_resilience::{BreakerOptions, BreakerState, CircuitBreaker};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let breaker = CircuitBreaker::new("nats", BreakerOptions::default());
    /// breaker.down("connection reset");
    /// assert!(breaker.admit().is_err());
    /// breaker.up();
    /// assert_eq!(breaker.state().state, BreakerState::HalfOpen);
    /// # }
    /// ```
    pub fn up(&self) {
        self.shared.change(Machine::up);
    }

    /// An operator lets nothing through, until [`automatic`](Self::automatic).
    ///
    /// ```
    /// use annals_resilience::{BreakerOptions, BreakerState, CircuitBreaker};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let breaker = CircuitBreaker::new("payments", BreakerOptions::default());
    /// breaker.force_open("their maintenance until 14:00");
    /// assert!(breaker.admit().unwrap_err().to_string().contains("their maintenance"));
    /// breaker.automatic();
    /// assert_eq!(breaker.state().state, BreakerState::HalfOpen);
    /// # }
    /// ```
    pub fn force_open(&self, reason: impl Into<Arc<str>>) {
        self.shared.change(|machine, now| machine.force(true, reason.into(), now));
    }

    /// An operator lets everything through, whatever becomes of it, until [`automatic`](Self::automatic).
    pub fn force_closed(&self, reason: impl Into<Arc<str>>) {
        self.shared.change(|machine, now| machine.force(false, reason.into(), now));
    }

    /// The operator takes the hand off again. What was said to be [`down`](Self::down) meanwhile is open; what
    /// was forced open is probed, and what was forced closed is closed.
    pub fn automatic(&self) {
        self.shared.change(Machine::automatic);
    }
}

impl Permit {
    /// The call has done what it should, or has been answered.
    pub fn succeeded(mut self) {
        self.end(Ended::Succeeded);
    }

    /// The call has failed, and that is the other side's fault.
    pub fn failed(mut self) {
        self.end(Ended::Failed);
    }

    /// The call has ended so.
    pub(crate) fn settle<T, E>(self, result: &Result<T, E>, classify: &impl Classify<E>) {
        match result {
            Err(error) if classify.classify(error) != Fault::Answer => self.failed(),
            _ => self.succeeded(),
        }
    }

    fn end(&mut self, ended: Ended) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.change(|machine, now| machine.settle(ticket, ended, now));
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(Ended::Cancelled);
    }
}

impl Shared {
    /// Does something with what is known, and tells when that has changed the state. Under the lock, so
    /// that the last that is told is the last that was.
    fn change<T>(&self, work: impl FnOnce(&mut Machine, Instant) -> T) -> T {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let (news, changes, was) = (machine.news, machine.changes, machine.state());
        let done = work(&mut machine, Instant::now());
        if machine.news != news {
            let status = status(&self.name, &machine);
            if machine.changes != changes {
                tell(was, &status);
            }
            self.told.send_replace(status);
        }
        done
    }
}

fn status(name: &Arc<str>, machine: &Machine) -> BreakerStatus {
    let (state, since, until) = (machine.state(), machine.since, machine.until());
    BreakerStatus { name: name.clone(), state, since, reason: machine.reason.clone(), until }
}

fn show(status: &BreakerStatus) {
    metrics::gauge!("annals_breaker_state", "name" => status.name.to_string())
        .set(status.state.as_gauge());
}

fn tell(was: BreakerState, status: &BreakerStatus) {
    show(status);
    let (breaker, from, to, reason) =
        (&*status.name, was.as_str(), status.state.as_str(), &*status.reason);
    metrics::counter!("annals_breaker_changes_total", "name" => breaker.to_owned(), "to" => to)
        .increment(1);
    match status.state {
        BreakerState::Open | BreakerState::ForcedOpen => {
            tracing::warn!(breaker, from, to, reason, "a breaker has opened");
        }
        BreakerState::HalfOpen | BreakerState::Closed | BreakerState::ForcedClosed => {
            tracing::info!(breaker, from, to, reason, "a breaker has changed its state");
        }
    }
}
