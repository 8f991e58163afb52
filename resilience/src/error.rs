//! The one error: the caller's own, or which step refused, at what limit, and the way out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::BreakerStatus;

/// Why a call has no result: its own error, or a refusal.
///
/// ```
/// use std::time::Duration;
/// use annals_resilience::{Deadline, ResilienceError, Step};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let deadline = Deadline::new("payments", Duration::from_secs(1));
/// let error = deadline.run(|| async { Err::<(), _>("no such card") }).await.unwrap_err();
/// assert_eq!(error.inner(), Some(&"no such card"));
///
/// let hangs = deadline.run(std::future::pending::<Result<(), &str>>).await.unwrap_err();
/// assert_eq!(hangs.refused().map(|refused| refused.step()), Some(Step::Deadline));
/// assert!(matches!(hangs, ResilienceError::Refused(_)));
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum ResilienceError<E> {
    /// The call was made, and failed: the caller's own error, of the last attempt.
    #[error(transparent)]
    Failed(E),
    /// A step refused the call, or broke it off.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl<E> ResilienceError<E> {
    /// The caller's own error, if the call was made and failed.
    pub fn inner(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Refused(_) => None,
        }
    }

    /// The caller's own error, by value.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Refused(_) => None,
        }
    }

    /// Which step refused, if one did.
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Failed(_) => None,
            Self::Refused(refused) => Some(refused),
        }
    }
}

impl<E> ResilienceError<ResilienceError<E>> {
    /// One error of two steps, one around the other.
    ///
    /// ```
    /// use std::time::Duration;
    /// use annals_resilience::{AttemptTimeout, Bulkhead, ResilienceError};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (bulkhead, limit) = (Bulkhead::new("mail", 2, 0), AttemptTimeout::new("mail", Duration::from_secs(1)));
    /// let sent = bulkhead.run(|| limit.run(|| async { Err::<(), _>("no such address") })).await;
    /// let error: ResilienceError<&str> = sent.unwrap_err().flatten();
    /// assert_eq!(error.into_inner(), Some("no such address"));
    /// # }
    /// ```
    #[must_use]
    pub fn flatten(self) -> ResilienceError<E> {
        match self {
            Self::Failed(error) => error,
            Self::Refused(refused) => ResilienceError::Refused(refused),
        }
    }
}

/// What stands around a call, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// [`Deadline`](crate::Deadline): how long the whole call may take.
    Deadline,
    /// [`Bulkhead`](crate::Bulkhead): how many calls are under way at once.
    Bulkhead,
    /// [`RateLimit`](crate::RateLimit): how many calls begin in a time.
    RateLimit,
    /// [`Retry`](crate::Retry): trying again what is safe to.
    Retry,
    /// [`CircuitBreaker`](crate::CircuitBreaker): no calls to what does not work.
    Breaker,
    /// [`AttemptTimeout`](crate::AttemptTimeout): how long one attempt may take.
    AttemptTimeout,
}

impl Step {
    /// As metrics name it, e.g. `rate_limit`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Bulkhead => "bulkhead",
            Self::RateLimit => "rate_limit",
            Self::Retry => "retry",
            Self::Breaker => "breaker",
            Self::AttemptTimeout => "attempt_timeout",
        }
    }
}

/// A call that a step refused or broke off. The message names the policy, the limit and the way out.
///
/// ```
/// use annals_resilience::{Bulkhead, Step};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let one_at_a_time = Bulkhead::new("mail", 1, 0);
/// let _place = one_at_a_time.enter().await.unwrap();
/// let refused = one_at_a_time.enter().await.unwrap_err();
/// assert!(refused.nothing_done());
/// assert_eq!(refused.step(), Step::Bulkhead);
/// assert!(refused.to_string().starts_with("mail: 1 call under way and 0 waiting"));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Refused {
    name: Arc<str>,
    refusal: Refusal,
}

/// Which limit was met.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Refusal {
    /// The whole call, with all its attempts and pauses, took longer than `limit`.
    Deadline {
        /// How long it may take.
        limit: Duration,
    },
    /// So many calls are under way and waiting.
    Bulkhead {
        /// How many may be under way.
        running: usize,
        /// How many may wait.
        waiting: usize,
    },
    /// So many calls have begun in the last `period`.
    RateLimit {
        /// How many may begin in a period.
        calls: u32,
        /// The period.
        period: Duration,
        /// After how long the next may begin: longer than this one would wait.
        free_in: Duration,
    },
    /// The breaker is open, or has all its probes under way.
    Breaker {
        /// What state it is in, since when and why.
        status: BreakerStatus,
    },
    /// One attempt took longer than `limit`.
    AttemptTimeout {
        /// How long it may take.
        limit: Duration,
    },
}

impl Refused {
    pub(crate) fn new(name: &Arc<str>, refusal: Refusal) -> Self {
        let refused = Self { name: name.clone(), refusal };
        let (name, step) = (name.to_string(), refused.step().as_str());
        metrics::counter!("annals_resilience_refusals_total", "name" => name, "step" => step)
            .increment(1);
        refused
    }

    /// Of which policy, or of which step by itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which limit was met.
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// Which step refused.
    pub fn step(&self) -> Step {
        match self.refusal {
            Refusal::Deadline { .. } => Step::Deadline,
            Refusal::Bulkhead { .. } => Step::Bulkhead,
            Refusal::RateLimit { .. } => Step::RateLimit,
            Refusal::Breaker { .. } => Step::Breaker,
            Refusal::AttemptTimeout { .. } => Step::AttemptTimeout,
        }
    }

    /// Whether the attempt was never begun. After a deadline or a time-out it may have been done.
    pub fn nothing_done(&self) -> bool {
        !matches!(self.step(), Step::Deadline | Step::AttemptTimeout)
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.refusal {
            Refusal::Deadline { limit } => write!(
                f,
                "{name}: the call did not end within its deadline of {limit:?}, all attempts and pauses \
                 included; it may have been done. See what it waited for, or give it a longer deadline"
            ),
            Refusal::Bulkhead { running, waiting } => write!(
                f,
                "{name}: {running} call{} under way and {waiting} waiting are all that the bulkhead allows; \
                 nothing was done. Call again later, or allow more if the other side can bear it",
                if *running == 1 { "" } else { "s" }
            ),
            Refusal::RateLimit { calls, period, free_in } => write!(
                f,
                "{name}: {calls} calls in {period:?} are all that the rate limit allows; nothing was done. \
                 Call again in {free_in:?}, or let calls wait longer"
            ),
            Refusal::Breaker { status } => write!(
                f,
                "{name}: the breaker {status}; nothing was done. Call again later; repair what it calls, or \
                 force the breaker closed if that works"
            ),
            Refusal::AttemptTimeout { limit } => write!(
                f,
                "{name}: the attempt did not end within {limit:?}; it may have been done. See why the other \
                 side is slow, or give attempts longer"
            ),
        }
    }
}
