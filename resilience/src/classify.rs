//! What an error says about the call: whether it can have been done, and whether trying again is of use.

use crate::ResilienceError;

/// What an error says about the call.
///
/// ```
/// use annals_resilience::Fault;
///
/// fn of_status(status: &u16) -> Fault {
///     match status {
///         429 | 503 => Fault::NotDone,
///         500.. => Fault::Unknown,
///         _ => Fault::Answer,
///     }
/// }
/// assert_eq!(of_status(&404), Fault::Answer);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing was done: no connection, or turned away at the door. Any call may be tried again.
    NotDone,
    /// It may have been done or not: a lost reply, a time-out. Only an idempotent call may be tried again.
    Unknown,
    /// The other side has answered, and would answer the same again: no retry, and no failure of the
    /// other side as the breaker counts them.
    Answer,
}

/// Says of an error what it means: a function `Fn(&E) -> Fault`, or [`Cautious`].
///
/// ```
/// use annals_resilience::{Cautious, Classify, Fault};
///
/// let by_kind = |error: &std::io::Error| match error.kind() {
///     std::io::ErrorKind::ConnectionRefused => Fault::NotDone,
///     _ => Fault::Unknown,
/// };
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// assert_eq!(by_kind.classify(&refused), Fault::NotDone);
/// assert_eq!(Cautious.classify(&refused), Fault::Unknown);
/// ```
pub trait Classify<E> {
    /// What this error means.
    fn classify(&self, error: &E) -> Fault;
}

/// Takes every error for one after which nobody knows whether the call was done ([`Fault::Unknown`]): the
/// breaker counts it, and only idempotent calls are tried again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cautious;

impl<E> Classify<E> for Cautious {
    fn classify(&self, _: &E) -> Fault {
        Fault::Unknown
    }
}

impl<E, F: Fn(&E) -> Fault> Classify<E> for F {
    fn classify(&self, error: &E) -> Fault {
        self(error)
    }
}

/// Sees through our own errors. A call that was refused before it began is not tried again: a breaker
/// that is open or a full queue is to be felt at once.
pub(crate) struct Through<'a, C>(pub(crate) &'a C);

impl<E, C: Classify<E>> Classify<ResilienceError<E>> for Through<'_, C> {
    fn classify(&self, error: &ResilienceError<E>) -> Fault {
        match error {
            ResilienceError::Failed(error) => self.0.classify(error),
            ResilienceError::Refused(refused) if refused.nothing_done() => Fault::Answer,
            ResilienceError::Refused(_) => Fault::Unknown,
        }
    }
}
