//! Between a relay and its broker: a time limit, and a breaker, so that a broker that is down is asked by one
//! message now and then and not by all. Whoever looks at the relay sees since when it is open, and until when.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals_resilience::{BreakerState, Fault, Policy, Refused, ResilienceError, Step};
use jiff::{Timestamp, TimestampRound, Unit};
use tokio::time::Instant;

use crate::publisher::PublishError;

/// How long a message waits for what becomes of the one that tries whether the broker is there again.
const PROBED_WITHIN: Duration = Duration::from_secs(5);

type Judge = fn(&PublishError) -> Fault;

/// What stands between a relay and its broker.
pub(crate) struct Gate {
    policy: Policy<Judge>,
    outage: Mutex<Outage>,
}

/// What is known of a broker that does not answer well.
#[derive(Default)]
struct Outage {
    /// What the broker said last: whoever is turned away wants to know.
    said: Option<String>,
    /// When the breaker opened for the first time since the broker answered well.
    since: Option<Timestamp>,
}

impl Gate {
    pub(crate) fn new(relay: &'static str, publish_within: Duration) -> Self {
        let policy = Policy::broker(relay).attempt_timeout(publish_within);
        Self { policy: policy.classify(judge as Judge), outage: Mutex::default() }
    }

    /// Makes a call, if the broker is not known to be down.
    pub(crate) async fn run<T, F: Future<Output = Result<T, PublishError>>>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> Result<T, PublishError> {
        loop {
            let refused = match self.policy.run(&mut call).await {
                Ok(done) => {
                    *self.outage() = Outage::default();
                    return Ok(done);
                }
                Err(ResilienceError::Failed(error)) => {
                    self.outage().said = Some(error.to_string());
                    return Err(self.with_breaker(error));
                }
                Err(ResilienceError::Refused(refused)) => refused,
            };
            let breaker = self.policy.circuit_breaker().filter(|_| refused.step() == Step::Breaker);
            let Some(breaker) = breaker else { return Err(self.said(&refused)) };
            let mut states = breaker.watch();
            let state = states.borrow_and_update().state;
            match state {
                // It has come up since.
                BreakerState::Closed => continue,
                BreakerState::HalfOpen => {}
                _ => return Err(self.said(&refused)),
            }
            // Another one is finding out.
            let changed = tokio::time::timeout(PROBED_WITHIN, states.changed());
            if !matches!(changed.await, Ok(Ok(()))) {
                return Err(self.said(&refused));
            }
        }
    }
}

impl Gate {
    fn outage(&self) -> MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of a call that was not made, or was broken off.
    fn said(&self, refused: &Refused) -> PublishError {
        let why = self.breaker().unwrap_or_else(|| refused.to_string());
        let said = match &self.outage().said {
            Some(last) => format!("{last} ({why})"),
            None => why,
        };
        match refused.nothing_done() {
            true => PublishError::down(said),
            false => PublishError::in_doubt(said),
        }
    }

    /// The error of a call that was made, with what it means for those that follow.
    fn with_breaker(&self, error: PublishError) -> PublishError {
        match (error, self.breaker()) {
            (PublishError::Down { source }, Some(breaker)) => {
                PublishError::down(format!("{source} ({breaker})"))
            }
            (PublishError::InDoubt { source }, Some(breaker)) => {
                PublishError::in_doubt(format!("{source} ({breaker})"))
            }
            (error, _) => error,
        }
    }

    /// `breaker open since 2026-03-02T09:15:27Z, until 2026-03-02T09:17:27Z`, unless calls go through.
    fn breaker(&self) -> Option<String> {
        let status = self.policy.circuit_breaker()?.state();
        let is_open = match status.state {
            BreakerState::Open | BreakerState::ForcedOpen => true,
            BreakerState::HalfOpen => false,
            BreakerState::Closed | BreakerState::ForcedClosed => return None,
        };
        let now = Timestamp::now();
        let since = *self.outage().since.get_or_insert(now - status.since.elapsed());
        let since = to_the_second(since);
        Some(match status.until.filter(|_| is_open) {
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                format!("breaker open since {since}, until {}", to_the_second(now + left))
            }
            None if is_open => format!("breaker open since {since}"),
            None => format!("breaker open since {since}, and tried now"),
        })
    }
}

/// For people: what is said twice of the same moment is the same.
fn to_the_second(time: Timestamp) -> Timestamp {
    time.round(TimestampRound::new().smallest(Unit::Second)).unwrap_or(time)
}

fn judge(error: &PublishError) -> Fault {
    match error {
        PublishError::Down { .. } | PublishError::InDoubt { .. } => Fault::Unknown,
        PublishError::Missing { .. } | PublishError::Refused { .. } => Fault::Answer,
    }
}
