//! Whoever answers.

use annals_consumers::{ConsumeError, OnFailure};
use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Answers requests that come as messages. It is run by the engine, as a subscriber is: seen, paused and shared
/// over processes like every other consumer; several requests at once, those of one id one after the other.
///
/// **A request may come more than once**: asked again with its id, or given out again after a crash. The last
/// [`REMEMBER`](Self::REMEMBER) answers of a process are kept in memory and sent again, so that the same request
/// has the same answer; behind that, and after a restart, [`answer`](Self::answer) is called again with the same
/// [`Asked::id`], which has to be handed on to whatever has the effect: as the idempotency key of a command, or
/// the id of a payment.
///
/// ```
/// use annals_consumers::ConsumeError;
/// use annals_outbox::{Answer, Asked};
/// use async_trait::async_trait;
///
/// struct Prices;
///
/// #[async_trait]
/// impl Answer for Prices {
///     type Request = String;
///     type Reply = u64;
///     const NAME: &'static str = "prices";
///
///     async fn answer(&self, request: &Asked<String>) -> Result<u64, ConsumeError> {
///         match request.data.as_str() {
///             "apples" => Ok(120),
///             // Whoever asks is told, and need not ask again.
///             other => Err(ConsumeError::poison(format!("there are no {other} here"))),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Answer: Send + Sync + 'static {
    /// What is asked, as JSON.
    type Request: DeserializeOwned + Send + Sync;

    /// What is answered, as JSON.
    type Reply: Serialize + Send;

    /// A stable name. At most 40 characters.
    const NAME: &'static str;

    /// Raise it when programs of the version before must not go on beside this one.
    const VERSION: u32 = 1;

    /// What becomes of a request that [`answer`](Self::answer) fails at for a while, or that says no place for
    /// its reply. It is recorded as parked, and others go on: whoever has waited for it asks again.
    const ON_FAILURE: OnFailure = OnFailure::Skip;

    /// How many answers a process remembers, as far as they are no more than 16 MB together.
    const REMEMBER: usize = 1_000;

    /// Finds the answer, and has the effect that the request wants.
    ///
    /// # Errors
    /// [`ConsumeError::Poison`] is a refusal: its text is sent to whoever asks. After
    /// [`ConsumeError::Retry`] it is called again for a moment
    /// ([`retry_in_place`](annals_consumers::EngineOptions::retry_in_place)), and then nothing is sent;
    /// [`ConsumeError::Blocked`] lets all requests wait.
    async fn answer(&self, request: &Asked<Self::Request>) -> Result<Self::Reply, ConsumeError>;
}

/// A request as it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<T> {
    /// What it is known by, however often it comes: an idempotency key.
    pub id: String,
    /// What tells this sending of it from others.
    pub correlation_id: String,
    /// What is asked.
    pub data: T,
    pub(super) body: String,
}

impl<T> Asked<T> {
    /// What is asked as it was written, for the fingerprint of a command.
    pub fn body(&self) -> &str {
        &self.body
    }
}
