//! All steps in their order, under one name.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::classify::Through;
use crate::guarded::layer;
use crate::{
    AttemptTimeout, BreakerOptions, Bulkhead, Cautious, CircuitBreaker, Classify, Deadline, Fault,
    RateLimit, ResilienceError, Retry, RetryBudget, RetryOptions, Step,
};

/// All steps in their order, under one name: deadline, bulkhead, rate limit, retry, breaker, attempt
/// time-out, outermost first. Make one for each other side and keep it: clones share places, tokens,
/// budget and breaker. It is a `tower` layer, too.
///
/// ```
/// use std::time::Duration;
/// use annals_resilience::{Fault, Policy};
///
/// #[derive(Debug, thiserror::Error)]
/// enum PaymentError {
///     #[error("the card was refused")]
///     CardRefused,
///     #[error("no connection")]
///     NoConnection,
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let payments = Policy::remote_call("payments")
///     .deadline(Duration::from_secs(5))
///     .rate_limit(50, Duration::from_secs(1))
///     .classify(|error: &PaymentError| match error {
///         PaymentError::CardRefused => Fault::Answer,
///         PaymentError::NoConnection => Fault::NotDone,
///     });
/// let mut times = 0;
/// let paid = payments.run(|| {
///     times += 1;
///     let first = times == 1;
///     async move { if first { Err(PaymentError::NoConnection) } else { Ok("paid") } }
/// });
/// assert_eq!(paid.await.unwrap(), "paid");
///
/// let refused = payments.run(|| async { Err::<(), _>(PaymentError::CardRefused) }).await.unwrap_err();
/// assert!(matches!(refused.into_inner(), Some(PaymentError::CardRefused)));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Policy<C = Cautious> {
    name: Arc<str>,
    deadline: Option<Deadline>,
    bulkhead: Option<Bulkhead>,
    rate_limit: Option<RateLimit>,
    retry: Option<Retry>,
    idempotent: bool,
    breaker: Option<CircuitBreaker>,
    attempt_timeout: Option<AttemptTimeout>,
    classify: C,
}

layer!(Policy<C>, Repeated);

impl Policy {
    /// No step yet.
    ///
    /// ```
    /// use std::time::Duration;
    /// use annals_resilience::Policy;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let bounded = Policy::new("thumbnails").bulkhead(4, 16).deadline(Duration::from_secs(60));
    /// assert_eq!(bounded.run(|| async { Ok::<_, std::fmt::Error>(1) }).await.unwrap(), 1);
    /// # }
    /// ```
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            deadline: None,
            bulkhead: None,
            rate_limit: None,
            retry: None,
            idempotent: false,
            breaker: None,
            attempt_timeout: None,
            classify: Cautious,
        }
    }

    /// For a call to another service: 10 s in all and 3 s an attempt, 64 under way and 64 waiting, three
    /// attempts with a budget of a fifth, and a breaker. No rate limit: that is the other side's to know.
    pub fn remote_call(name: impl Into<Arc<str>>) -> Self {
        Self::new(name)
            .deadline(Duration::from_secs(10))
            .bulkhead(64, 64)
            .retry(RetryOptions::default())
            .breaker(BreakerOptions::default())
            .attempt_timeout(Duration::from_secs(3))
    }

    /// For publishing to a broker from a relay, which tries again by itself for as long as it takes: 10 s an
    /// attempt, and a breaker that opens after three failures in a row, stays open for 10 s at the most,
    /// and closes after one probe.
    ///
    /// ```
    /// use annals_resilience::{Policy, ResilienceError};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let nats = Policy::broker("nats");
    /// let breaker = nats.circuit_breaker().expect("such a policy has one");
    /// breaker.down("connection reset");
    /// let waits = nats.run(|| async { Ok::<_, std::fmt::Error>(()) }).await;
    /// assert!(matches!(waits, Err(ResilienceError::Refused(_))));
    /// breaker.up();
    /// assert!(nats.run(|| async { Ok::<_, std::fmt::Error>(()) }).await.is_ok());
    /// # }
    /// ```
    pub fn broker(name: impl Into<Arc<str>>) -> Self {
        let breaker = BreakerOptions {
            in_a_row: Some(3),
            open_for: Duration::from_secs(1),
            open_at_most: Duration::from_secs(10),
            probes: 1,
            ..BreakerOptions::default()
        };
        Self::new(name).breaker(breaker).attempt_timeout(Duration::from_secs(10))
    }
}

impl<C> Policy<C> {
    /// How long the whole call may take.
    #[must_use]
    pub fn deadline(self, limit: Duration) -> Self {
        Self { deadline: Some(Deadline::new(self.name.clone(), limit)), ..self }
    }

    /// How many calls are under way at once, and how many may wait.
    #[must_use]
    pub fn bulkhead(self, running: usize, waiting: usize) -> Self {
        Self { bulkhead: Some(Bulkhead::new(self.name.clone(), running, waiting)), ..self }
    }

    /// How many calls begin in any period; retries of a call are not counted again. A call waits for its turn
    /// a period at the most.
    #[must_use]
    pub fn rate_limit(self, calls: u32, period: Duration) -> Self {
        Self { rate_limit: Some(RateLimit::new(self.name.clone(), calls, period)), ..self }
    }

    /// How often and after which pauses a call is tried again. A budget that was shared stays.
    #[must_use]
    pub fn retry(self, options: RetryOptions) -> Self {
        let retry = match self.retry {
            Some(retry) => retry.with_options(options),
            None => Retry::new(self.name.clone(), options),
        };
        Self { retry: Some(retry), ..self }
    }

    /// Shares a budget of retries with other policies. Without a [retry](Self::retry) step it adds that.
    #[must_use]
    pub fn budget(self, budget: RetryBudget) -> Self {
        let retry =
            self.retry.unwrap_or_else(|| Retry::new(self.name.clone(), RetryOptions::default()));
        Self { retry: Some(retry.budget(budget)), ..self }
    }

    /// A breaker of its own.
    #[must_use]
    pub fn breaker(self, options: BreakerOptions) -> Self {
        Self { breaker: Some(CircuitBreaker::new(self.name.clone(), options)), ..self }
    }

    /// Shares a breaker with other policies that call the same.
    ///
    /// ```
    /// use annals_resilience::{BreakerOptions, CircuitBreaker, Policy};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let breaker = CircuitBreaker::new("payments", BreakerOptions::default());
    /// let pay = Policy::remote_call("pay").with_breaker(breaker.clone());
    /// let look_up = Policy::remote_call("look up payment").with_breaker(breaker).idempotent();
    /// pay.circuit_breaker().unwrap().force_open("their maintenance");
    /// assert!(look_up.run(|| async { Ok::<_, std::fmt::Error>(()) }).await.is_err());
    /// # }
    /// ```
    #[must_use]
    pub fn with_breaker(self, breaker: CircuitBreaker) -> Self {
        Self { breaker: Some(breaker), ..self }
    }

    /// How long one attempt may take.
    #[must_use]
    pub fn attempt_timeout(self, limit: Duration) -> Self {
        Self { attempt_timeout: Some(AttemptTimeout::new(self.name.clone(), limit)), ..self }
    }

    /// Leaves a step out.
    ///
    /// ```
    /// use annals_resilience::{Policy, Step};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let no_retries = Policy::remote_call("payments").without(Step::Retry);
    /// assert!(no_retries.circuit_breaker().is_some());
    /// assert!(no_retries.without(Step::Breaker).circuit_breaker().is_none());
    /// # }
    /// ```
    #[must_use]
    pub fn without(mut self, step: Step) -> Self {
        match step {
            Step::Deadline => self.deadline = None,
            Step::Bulkhead => self.bulkhead = None,
            Step::RateLimit => self.rate_limit = None,
            Step::Retry => self.retry = None,
            Step::Breaker => self.breaker = None,
            Step::AttemptTimeout => self.attempt_timeout = None,
        }
        self
    }

    /// Calls that may be done twice with the effect of once: they are tried again after a lost reply or
    /// a time-out, too. A clone shares everything with what it is made of, so make one for such calls.
    #[must_use]
    pub fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }

    /// What errors say about the call: whether to try again, and whether the breaker counts a failure.
    #[must_use]
    pub fn classify<E, F: Fn(&E) -> Fault>(self, classify: F) -> Policy<F> {
        Policy {
            name: self.name,
            deadline: self.deadline,
            bulkhead: self.bulkhead,
            rate_limit: self.rate_limit,
            retry: self.retry,
            idempotent: self.idempotent,
            breaker: self.breaker,
            attempt_timeout: self.attempt_timeout,
            classify,
        }
    }

    /// Its name, as in metrics and errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its breaker: to look at, to switch, to feed from outside.
    pub fn circuit_breaker(&self) -> Option<&CircuitBreaker> {
        self.breaker.as_ref()
    }

    /// Its bulkhead: to look at.
    pub fn places(&self) -> Option<&Bulkhead> {
        self.bulkhead.as_ref()
    }

    /// Makes the call, with all that stands around it. The closure is called once for each attempt, after the
    /// breaker has let it through.
    ///
    /// # Errors
    /// The call's own, of its last attempt, or a refusal that says which step, which limit, and the way out.
    pub async fn run<T, E, F, Fut>(&self, mut call: F) -> Result<T, ResilienceError<E>>
    where
        C: Classify<E>,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let classify = Through(&self.classify);
        let until = self.deadline.as_ref().and_then(Deadline::end);
        let mut attempt = || {
            let permit = self.breaker.as_ref().map(CircuitBreaker::admit).transpose();
            let started = permit.map(|permit| (permit, call()));
            let classify = &classify;
            async move {
                let (permit, attempt) = started?;
                let result = match &self.attempt_timeout {
                    Some(limit) => limit.run(|| attempt).await,
                    None => attempt.await.map_err(ResilienceError::Failed),
                };
                if let Some(permit) = permit {
                    permit.settle(&result, classify);
                }
                result
            }
        };
        // Many calls are under way at once, so each is small: what is moved into another future is there twice,
        // and what most calls do not come to is in a box.
        let whole = pin!(async {
            let _place = match &self.bulkhead {
                Some(bulkhead) => Some(bulkhead.enter().await?),
                None => None,
            };
            if let Some(limit) = &self.rate_limit {
                limit.take().await?;
            }
            match &self.retry {
                Some(retry) => {
                    Box::pin(retry.until(until, self.idempotent, &classify, attempt)).await
                }
                None => attempt().await,
            }
        });
        match &self.deadline {
            Some(deadline) => {
                Box::pin(deadline.run(|| whole)).await.map_err(ResilienceError::flatten)
            }
            None => whole.await,
        }
    }
}
