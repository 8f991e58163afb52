//! Trying again what is safe to.

mod attempts;
mod budget;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::attempts::Attempts;
pub use self::budget::RetryBudget;
use crate::guarded::layer;
use crate::{Cautious, Classify, Fault, ResilienceError};

/// How often and after which pauses a call is tried again.
///
/// ```
/// use std::time::Duration;
/// use annals_resilience::RetryOptions;
///
/// let patient = RetryOptions { attempts: 5, longest_pause: Duration::from_secs(10), ..RetryOptions::default() };
/// assert_eq!(patient.first_pause, Duration::from_millis(100));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryOptions {
    /// How often the call is made at the most, with the first time. Default 3.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles from one to the next. Each pause is of random length
    /// between a half and the whole of this. Default 100 ms.
    pub first_pause: Duration,
    /// The longest pause. Default 2 s.
    pub longest_pause: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        let (first_pause, longest_pause) = (Duration::from_millis(100), Duration::from_secs(2));
        Self { attempts: 3, first_pause, longest_pause }
    }
}

/// Tries again what is safe to: a call whose error says that nothing was done ([`Fault::NotDone`]), or
/// one that was declared [idempotent](Self::idempotent) and has not been answered. Pauses grow and are of
/// random length, and a [`RetryBudget`] holds for all calls together. Clones share the budget.
///
/// What is not tried again ends with the caller's own error.
///
/// ```
/// use annals_resilience::{Fault, Retry, RetryOptions};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let retry = Retry::new("stock", RetryOptions::default()).classify(|error: &&str| match *error {
///     "connection refused" => Fault::NotDone,
///     _ => Fault::Unknown,
/// });
/// let mut errors = vec!["reply lost", "connection refused"];
/// let result = retry.run(|| { let error = errors.pop(); async move { error.map_or(Ok(7), Err) } }).await;
/// assert_eq!(result.unwrap_err().into_inner(), Some("reply lost"), "it may have been done");
///
/// let mut errors = vec!["reply lost", "connection refused"];
/// let look_up = retry.idempotent();
/// let result = look_up.run(|| { let error = errors.pop(); async move { error.map_or(Ok(7), Err) } }).await;
/// assert_eq!(result.unwrap(), 7);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Retry<C = Cautious> {
    name: Arc<str>,
    options: RetryOptions,
    idempotent: bool,
    budget: RetryBudget,
    classify: C,
}

layer!(Retry<C>, Repeated);

impl Retry {
    /// Retries that take every error for one after which the call may have been done ([`Cautious`]), with a
    /// budget of their own.
    pub fn new(name: impl Into<Arc<str>>, options: RetryOptions) -> Self {
        let (name, budget) = (name.into(), RetryBudget::default());
        Self { name, options, idempotent: false, budget, classify: Cautious }
    }
}

impl<C> Retry<C> {
    /// What errors say about the call.
    #[must_use]
    pub fn classify<E, F: Fn(&E) -> Fault>(self, classify: F) -> Retry<F> {
        let Self { name, options, idempotent, budget, .. } = self;
        Retry { name, options, idempotent, budget, classify }
    }

    /// Calls that may be done twice with the effect of once. The budget stays shared with what this is
    /// made of.
    #[must_use]
    pub fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }

    /// Shares a budget with others.
    #[must_use]
    pub fn budget(self, budget: RetryBudget) -> Self {
        Self { budget, ..self }
    }

    pub(crate) fn with_options(self, options: RetryOptions) -> Self {
        Self { options, ..self }
    }

    /// Makes the call, and again while that is safe and of use.
    ///
    /// # Errors
    /// The call's own, of its last attempt.
    pub async fn run<T, E, F, Fut>(&self, call: F) -> Result<T, ResilienceError<E>>
    where
        C: Classify<E>,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.until(None, self.idempotent, &self.classify, call)
            .await
            .map_err(ResilienceError::Failed)
    }

    /// The same with what a policy knows better, and no pause that would end after `until`.
    pub(crate) async fn until<T, E, F, Fut>(
        &self,
        until: Option<Instant>,
        idempotent: bool,
        classify: &impl Classify<E>,
        mut call: F,
    ) -> Result<T, E>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.budget.call();
        let mut attempts = Attempts::new(&self.options, idempotent, until);
        loop {
            let error = match call().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let fault = classify.classify(&error);
            let name = || self.name.to_string();
            match attempts.next(fault, Instant::now(), || self.budget.retry()) {
                Ok(pause) => {
                    metrics::counter!("annals_resilience_retries_total", "name" => name())
                        .increment(1);
                    sleep(pause).await;
                }
                Err(why) => {
                    let why = why.as_str();
                    metrics::counter!("annals_resilience_given_up_total", "name" => name(), "why" => why)
                        .increment(1);
                    return Err(error);
                }
            }
        }
    }
}
