//! Settings of whoever asks.

use annals_resilience::{Policy, RetryOptions};

/// Settings of a [`Requester`](crate::Requester).
///
/// ```
/// use annals_outbox::RequestOptions;
///
/// let options = RequestOptions { most_waiting: 100, ..RequestOptions::named("checkout") };
/// assert_eq!(options.policy.name(), "checkout");
/// ```
#[derive(Debug, Clone)]
pub struct RequestOptions {
    /// What metrics and the breaker call it, and the group in which it receives replies.
    pub name: String,
    /// How many requests wait for their replies at the most. Default 10,000.
    pub most_waiting: usize,
    /// What stands around sending. Default [`Policy::broker`] with three attempts: a request may be sent
    /// again, because it is known by its id. What errors of the broker mean is known: a `classify` of one's
    /// own is not asked. Give it a breaker that is [shared](Policy::with_breaker) where others use the
    /// same broker.
    pub policy: Policy,
}

impl RequestOptions {
    /// The defaults under a name.
    pub fn named(name: impl Into<String>) -> Self {
        let name = name.into();
        let policy = Policy::broker(name.clone()).retry(RetryOptions::default()).idempotent();
        Self { name, most_waiting: 10_000, policy }
    }
}
