//! Executing a command: what can be set on it, and what awaiting it does.

mod attempt;
mod backoff;
mod error;
mod repeat;
mod resolve;

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use tracing::Instrument;
use tracing::field::{Empty, display};

use super::options::Origin;
use super::receipt::Receipt;
use super::{Journal, observe};
use crate::aggregate::{Aggregate, Apply, Decision, IntoDecision};
use crate::fingerprint::Fingerprint;
use crate::names::{InvalidName, StreamId, StreamVersion};
use crate::store::{CommandKey, InvalidKey};

pub use error::ExecuteError;

type ReceiptOf<A> = Result<Receipt<<A as Aggregate>::Event>, ExecuteError<<A as Aggregate>::Error>>;
type Executing<'j, A> = Pin<Box<dyn Future<Output = ReceiptOf<A>> + Send + 'j>>;

/// A command that is about to be executed: set what it needs, then await it.
#[must_use = "a command has no effect until it is awaited"]
pub struct Execute<'j, D, A: Aggregate> {
    journal: &'j Journal,
    stream: Result<StreamId, InvalidName>,
    decision: D,
    origin: Origin,
    key: Result<Option<CommandKey>, InvalidKey>,
    fingerprint: Option<Fingerprint>,
    remember_refusal: bool,
    at: Option<StreamVersion>,
    dry_run: bool,
    /// What [`Journal::execute`] knows of the decision and awaiting need not ask again: a mistake in
    /// it is told once.
    start: fn(Self) -> Executing<'j, A>,
}

impl Journal {
    /// Executes a function of the aggregate's state, or a command: loads the state, lets it
    /// decide, and appends the events with the loaded version. On a conflict it reads what is new
    /// and decides again, for as long as
    /// [`retry_conflicts_for`](super::JournalOptions::retry_conflicts_for) says. So it may decide
    /// several times, and the first time on a state that is behind: a decision only looks and
    /// answers.
    ///
    /// # Errors
    /// [`ExecuteError`] tells apart: refused by the domain, conflicts exhausted, a store that
    /// failed, an outcome that is unknown.
    ///
    /// Dropping the future leaves open whether the events are written.
    pub fn execute<'j, D, M>(
        &'j self,
        id: &<D::Aggregate as Aggregate>::Id,
        decision: D,
    ) -> Execute<'j, D, D::Aggregate>
    where
        D: Decision<M, Aggregate: Apply, Returns: IntoDecision<D::Aggregate>> + 'j,
        M: 'j,
    {
        Execute {
            journal: self,
            stream: Self::stream_of::<D::Aggregate>(id),
            decision,
            origin: Origin::default(),
            key: Ok(None),
            fingerprint: None,
            remember_refusal: false,
            at: None,
            dry_run: false,
            start: |execute| Box::pin(execute.observed::<M>()),
        }
    }
}

impl<D, A: Aggregate> Execute<'_, D, A> {
    /// Gives the command its effect once: the same key again, even after a restart, returns the
    /// first receipt. A refused command is not remembered, unless
    /// [`remember_refusal`](Self::remember_refusal) says so.
    ///
    /// A key belongs to one command: if it comes with another, or with the same and other content,
    /// that is [`StoreError::KeyReused`](crate::store::StoreError::KeyReused). Commands are
    /// compared by [`Command::fingerprint`](crate::Command::fingerprint); functions are not
    /// compared, unless [`fingerprint`](Self::fingerprint) says what they stand for.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.key = CommandKey::new(key).map(Some);
        self
    }

    /// Says what the command is made of, so that its idempotency key with anything else is noticed:
    /// the body of a request, say. It is hashed, not stored.
    pub fn fingerprint(mut self, content: impl AsRef<[u8]>) -> Self {
        self.fingerprint = Some(Fingerprint::of(content));
        self
    }

    /// Remembers a refusal as well, so that the same key is refused again, even after a crash and
    /// whatever the state is by then:
    /// [`StoreError::RefusedBefore`](crate::store::StoreError::RefusedBefore) with the words of the
    /// refusal, which are stored. Without an idempotency key it says nothing.
    pub fn remember_refusal(mut self) -> Self {
        self.remember_refusal = true;
        self
    }

    /// Carries where the command comes from into the events.
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Decides only if the stream is exactly at this version, and never a second time.
    pub fn at(mut self, version: StreamVersion) -> Self {
        self.at = Some(version);
        self
    }

    /// Decides and checks, but writes nothing.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }
}

impl<'j, D: 'j, A: Aggregate> IntoFuture for Execute<'j, D, A> {
    type Output = ReceiptOf<A>;
    type IntoFuture = Executing<'j, A>;

    fn into_future(self) -> Self::IntoFuture {
        (self.start)(self)
    }
}

impl<D, A: Apply> Execute<'_, D, A> {
    /// Runs inside a span, and counts what came of it.
    async fn observed<M>(self) -> ReceiptOf<A>
    where
        D: Decision<M, Aggregate = A, Returns: IntoDecision<A>>,
    {
        let category = A::CATEGORY;
        let stream = self.stream.as_ref().ok().map(display);
        let span = tracing::info_span!("annals.execute", category, stream, outcome = Empty);
        let result = self.run().instrument(span.clone()).await;
        let outcome = observe::outcome(result.as_ref().map_err(ExecuteError::kind));
        span.record("outcome", outcome);
        metrics::counter!("annals_commands_total", "category" => category, "outcome" => outcome)
            .increment(1);
        result
    }
}
