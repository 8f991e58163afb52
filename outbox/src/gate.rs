//! Between a relay and its broker: a time limit, and a breaker, so that a broker that is down is asked by one
//! message now and then and not by all.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use annals_resilience::{BreakerState, Fault, Policy, Refused, ResilienceError, Step};

use crate::publisher::PublishError;

/// How long a message waits for what becomes of the one that tries whether the broker is there again.
const PROBED_WITHIN: Duration = Duration::from_secs(5);

type Judge = fn(&PublishError) -> Fault;

/// What stands between a relay and its broker.
pub(crate) struct Gate {
    policy: Policy<Judge>,
    /// What the broker said last, if that was no good: whoever is turned away wants to know.
    last: Mutex<Option<String>>,
}

impl Gate {
    pub(crate) fn new(relay: &'static str, publish_within: Duration) -> Self {
        let policy = Policy::broker(relay).attempt_timeout(publish_within);
        Self { policy: policy.classify(judge as Judge), last: Mutex::default() }
    }

    /// Makes a call, if the broker is not known to be down.
    pub(crate) async fn run<T, F: Future<Output = Result<T, PublishError>>>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> Result<T, PublishError> {
        loop {
            let refused = match self.policy.run(&mut call).await {
                Ok(done) => {
                    self.remember(None);
                    return Ok(done);
                }
                Err(ResilienceError::Failed(error)) => {
                    self.remember(Some(&error));
                    return Err(error);
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
    fn remember(&self, error: Option<&PublishError>) {
        let said = error.map(ToString::to_string);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = said;
    }

    fn said(&self, refused: &Refused) -> PublishError {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let said = match &*last {
            Some(last) => format!("{last} ({refused})"),
            None => refused.to_string(),
        };
        match refused.nothing_done() {
            true => PublishError::down(said),
            false => PublishError::in_doubt(said),
        }
    }
}

fn judge(error: &PublishError) -> Fault {
    match error {
        PublishError::Down { .. } | PublishError::InDoubt { .. } => Fault::Unknown,
        PublishError::Missing { .. } | PublishError::Refused { .. } => Fault::Answer,
    }
}
