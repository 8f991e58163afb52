//! Whoever asks.

use std::sync::Arc;
use std::time::Duration;

use annals_core::trace;
use annals_resilience::CircuitBreaker;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::ask_error::{AskError, Sent};
use super::options::RequestOptions;
use super::replies::{Lane, Replies};
use super::sending::{self, Sender, Sending};
use super::waiting::Waiting;
use super::wire::{self, Said};
use crate::address::Address;
use crate::publisher::{PublishError, Publisher};
use crate::source::Source;

/// The longest that is waited: what is longer is as good as for ever.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Asks other services over a broker: sends requests, and awaits their replies on a lane of its own. Clones
/// are the same requester; one for each broker is enough for a process.
///
/// Replies come to a place that nobody else receives from: two requesters on one lane would take each other's
/// replies for late ones. A process that gives its lane the same name after a restart counts what came
/// meanwhile as late.
///
/// One task receives replies until the last clone is dropped.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use annals_outbox::{Address, AskError, MemoryBroker, RequestOptions, Requester};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let broker = MemoryBroker::default();
/// let replies = Address::new("replies.checkout-1");
/// let source = broker.source([replies.name.clone()]);
/// let requester = Requester::new(
///     Arc::new(broker.clone()), source, replies, RequestOptions::named("checkout"),
/// );
/// // Nobody is there to answer.
/// let asked = requester.ask(&Address::new("prices"), &"apples", Duration::from_millis(20)).await;
/// let error: AskError = asked.map(|cents: u64| cents).unwrap_err();
/// assert!(error.to_string().contains("it was sent, and may be executed"), "{error}");
/// assert_eq!(broker.messages("prices")[0].headers["reply-to"], "replies.checkout-1");
/// # }
/// ```
#[derive(Clone)]
pub struct Requester(Arc<Inner>);

struct Inner {
    publisher: Arc<dyn Publisher>,
    policy: Sender,
    reply_to: Address,
    name: String,
    most_waiting: usize,
    waiting: Arc<Waiting>,
    lane: Arc<Lane>,
    reader: JoinHandle<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Requester {
    /// Sends by a publisher, and receives from a source what others send to `reply_to`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(
        publisher: Arc<dyn Publisher>,
        source_of_replies: impl Source,
        reply_to: Address,
        options: RequestOptions,
    ) -> Self {
        let RequestOptions { name, most_waiting, policy } = options;
        let waiting = Arc::new(Waiting::new(name.clone(), most_waiting));
        let lane = Arc::new(Lane::new());
        let replies = Replies {
            publisher: publisher.clone(),
            reply_to: reply_to.clone(),
            source: Box::new(source_of_replies),
            group: name.clone(),
            waiting: waiting.clone(),
            lane: lane.clone(),
        };
        let reader = tokio::spawn(replies.receive());
        let policy = policy.classify(sending::fault as fn(&PublishError) -> _);
        let inner =
            Inner { publisher, policy, reply_to, name, most_waiting, waiting, lane, reader };
        Self(Arc::new(inner))
    }

    /// Sends a request to a place and awaits the answer, both within a deadline. Dropped, it forgets the
    /// request, which may be executed all the same.
    ///
    /// # Errors
    /// [`AskError`]. Whoever wants to ask again after one that leaves the outcome open needs the
    /// request's id: it stands in the error, or is chosen before by
    /// [`ask_with_id`](Self::ask_with_id).
    pub async fn ask<Req, Rep>(
        &self,
        to: &Address,
        request: &Req,
        within: Duration,
    ) -> Result<Rep, AskError>
    where
        Req: Serialize + Sync + ?Sized,
        Rep: DeserializeOwned,
    {
        self.ask_with_id(Uuid::now_v7(), to, request, within).await
    }

    /// As [`ask`](Self::ask), for a request with an id of its own: the same id with the same request is
    /// answered again, and has its effect once.
    ///
    /// # Errors
    /// [`AskError`]
    pub async fn ask_with_id<Req, Rep>(
        &self,
        id: Uuid,
        to: &Address,
        request: &Req,
        within: Duration,
    ) -> Result<Rep, AskError>
    where
        Req: Serialize + Sync + ?Sized,
        Rep: DeserializeOwned,
    {
        let started = Instant::now();
        let body = serde_json::to_vec(request);
        let body = body.map_err(|source| AskError::Unwritable { to: to.clone(), source });
        let said = match body {
            Ok(body) => self.exchange((id, to), body, (started, within)).await,
            Err(error) => Err(error),
        };
        let answer = said.and_then(|said| read(said, id, to));
        let (requester, outcome) = (self.0.name.clone(), outcome(&answer));
        metrics::counter!(
            "annals_requests_total",
            "requester" => requester.clone(), "outcome" => outcome
        )
        .increment(1);
        metrics::histogram!("annals_request_seconds", "requester" => requester)
            .record(started.elapsed().as_secs_f64());
        answer
    }

    /// The breaker before the broker: to look at, to switch, to feed from outside. There is none when the
    /// policy has none.
    pub fn breaker(&self) -> Option<&CircuitBreaker> {
        self.0.policy.circuit_breaker()
    }

    /// Where replies are sent.
    pub fn reply_to(&self) -> &Address {
        &self.0.reply_to
    }

    /// How many requests wait for their replies.
    pub fn waiting(&self) -> usize {
        self.0.waiting.len()
    }

    /// How many replies came that nobody awaited any more, or ever did.
    pub fn late_replies(&self) -> u64 {
        self.0.waiting.late()
    }

    async fn exchange(
        &self,
        (id, to): (Uuid, &Address),
        body: Vec<u8>,
        (started, within): (Instant, Duration),
    ) -> Result<Said, AskError> {
        let Inner { publisher, policy, reply_to, waiting, lane, reader, .. } = &*self.0;
        let until = started + within.min(FOR_EVER);
        let late = |sent| AskError::Deadline {
            id,
            to: to.clone(),
            within,
            sent,
            trouble: lane.trouble_since(started),
        };
        let ready = tokio::time::timeout_at(until, lane.ready()).await;
        let ready = ready.map_err(|_| late(Sent::No))?;
        ready.map_err(|why| AskError::NoReplies { to: to.clone(), why })?;
        if reader.is_finished() {
            let why = "the task that receives has ended, by a panic or with its runtime";
            return Err(AskError::NoReplies { to: to.clone(), why: why.to_owned() });
        }

        let correlation = Uuid::now_v7();
        let awaited = waiting.begin(correlation).ok_or_else(|| AskError::TooMany {
            to: to.clone(),
            requester: self.0.name.clone(),
            most: self.0.most_waiting,
        })?;
        let traceparent = trace::current_traceparent();
        let message = wire::request((id, correlation), reply_to, traceparent, body.into());
        let sending = Sending::new((publisher, policy), (to, &message));
        let sent = tokio::time::timeout_at(until, sending.send(&awaited)).await;
        let sent = sent.map_err(|_| late(sending.so_far()))?;
        let sent = sent.map_err(|source| AskError::Unsent {
            id,
            to: to.clone(),
            broker: publisher.broker().to_owned(),
            source: Box::new(source),
        })?;
        let reply = tokio::time::timeout_at(until, awaited.reply()).await;
        reply.map(Said::of).map_err(|_| late(sent))
    }
}

fn read<Rep: DeserializeOwned>(said: Said, id: Uuid, to: &Address) -> Result<Rep, AskError> {
    match said {
        Said::Answer(body) => serde_json::from_slice(&body)
            .map_err(|source| AskError::Unreadable { id, to: to.clone(), source }),
        Said::Refusal(why) => {
            let why = String::from_utf8_lossy(&why).into_owned();
            Err(AskError::Refused { id, to: to.clone(), why })
        }
    }
}

fn outcome<T>(answer: &Result<T, AskError>) -> &'static str {
    match answer {
        Ok(_) => wire::ANSWERED,
        Err(error) => error.outcome(),
    }
}
