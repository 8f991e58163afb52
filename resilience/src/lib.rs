//! What stands around a call that can fail, each step by itself and all of them as a named policy.
//!
//! | step, outermost first | what it does | it refuses |
//! |---|---|---|
//! | [`Deadline`] | bounds the whole call, with all attempts and pauses | what is late; it may have been done |
//! | [`Bulkhead`] | bounds the calls under way, with a bounded queue | when the queue is full |
//! | [`RateLimit`] | bounds the calls that begin in a period | what would wait too long for its turn |
//! | [`Retry`] | tries again what is safe to, within a [`RetryBudget`] | nothing: the call's own error comes back |
//! | [`CircuitBreaker`] | makes no calls to what does not work | while it is open |
//! | [`AttemptTimeout`] | bounds one attempt | what is late; it may have been done |
//!
//! Each has a method `run` for any call, and is a [`tower::Layer`]; a [`Policy`] stacks them in this order.
//! All of them fail with one error, [`ResilienceError`]: the call's own, or which step refused.
//!
//! ```
//! use annals_resilience::Policy;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let payments = Policy::remote_call("payments");
//! let paid = payments.run(|| async { Ok::<_, std::io::Error>("paid") }).await;
//! assert_eq!(paid.unwrap(), "paid");
//! # }
//! ```
//!
//! Around a service of `tower`, which has to be `Clone` (one that is not goes into `tower::buffer`), with
//! requests that are `Clone` where they may be tried again:
//!
//! ```
//! use annals_resilience::Policy;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let service = ServiceBuilder::new()
//!     .layer(Policy::remote_call("geocoder").idempotent())
//!     .service(service_fn(|place: &'static str| async move { Ok::<_, std::io::Error>(place.len()) }));
//! assert_eq!(service.oneshot("Bern").await.unwrap(), 4);
//! # }
//! ```
//!
//! A call is tried again only when its error says that nothing was done, or it is declared idempotent and was
//! not answered: what an error says is for the caller to tell ([`Fault`], [`Classify`]).
//!
//! It knows no event, no store and no broker. Time is tokio's, so that tests can pause it. Metrics go
//! through the crate `metrics`, changes of a breaker's state through `tracing`.

mod attempt_timeout;
mod breaker;
mod bulkhead;
mod classify;
mod deadline;
mod error;
mod guarded;
mod policy;
mod rate_limit;
mod retry;
mod sliding;
#[cfg(test)]
mod tests;

pub use attempt_timeout::AttemptTimeout;
pub use breaker::{BreakerOptions, BreakerState, BreakerStatus, CircuitBreaker, Permit};
pub use bulkhead::{Bulkhead, Place};
pub use classify::{Cautious, Classify, Fault};
pub use deadline::Deadline;
pub use error::{Refusal, Refused, ResilienceError, Step};
pub use guarded::{Guard, Guarded, Repeated};
pub use policy::Policy;
pub use rate_limit::RateLimit;
pub use retry::{Retry, RetryBudget, RetryOptions};
