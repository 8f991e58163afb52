//! The execute loop: load, decide, append with the loaded version, and again on a conflict.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use tracing::Instrument;
use uuid::Uuid;

use super::fold::{Folded, LoadError};
use super::options::Origin;
use super::receipt::Receipt;
use super::register::RegisterError;
use super::{Journal, trace};
use crate::aggregate::{Aggregate, Apply, Decision};
use crate::envelope::{EventId, EventType, NewEvent};
use crate::event::{EncodeError, Event};
use crate::names::{ExpectedVersion, InvalidName, StreamId, StreamVersion};
use crate::schema::SchemaError;
use crate::store::{Append, Appended, CommandKey, InvalidKey, StoreError, StreamQuery};

/// How often an append whose reply was lost is sent again to learn what became of it.
const RESOLVE_ATTEMPTS: u32 = 3;

/// A command that had no effect, or whose effect is unknown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError<E: std::error::Error + 'static> {
    /// The aggregate refused. Nothing was written.
    #[error(transparent)]
    Domain(E),
    /// Others kept writing to the stream, or it is not at the version asked for. Nothing was
    /// written.
    #[error(
        "stream `{stream}` is at version {actual}, not at {expected}, after {attempts} attempts: try again later"
    )]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// The version the last decision was made on.
        expected: StreamVersion,
        /// The version found.
        actual: StreamVersion,
        /// How often it was decided.
        attempts: u32,
    },
    /// The store broke during the commit and could not be asked afterwards.
    #[error("whether the command had its effect is unknown: {source}")]
    OutcomeUnknown {
        /// The ids of the events that may have been written: look them up.
        event_ids: Vec<EventId>,
        /// What broke.
        source: StoreError,
    },
    /// The store failed. Nothing was written.
    #[error(transparent)]
    Store(StoreError),
    /// The aggregate could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The aggregate's events do not fit this store.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// An event does not fit its own schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// An event cannot be written as JSON.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The id cannot be part of a stream's name.
    #[error(transparent)]
    InvalidId(#[from] InvalidName),
    /// The idempotency key has the wrong length.
    #[error(transparent)]
    InvalidKey(#[from] InvalidKey),
}

type EventOf<D, M> = <<D as Decision<M>>::Aggregate as Aggregate>::Event;
type ErrorOf<D, M> = <<D as Decision<M>>::Aggregate as Aggregate>::Error;
type ReceiptOf<D, M> = Result<Receipt<EventOf<D, M>>, ExecuteError<ErrorOf<D, M>>>;

/// A command that is about to be executed: set what it needs, then await it.
#[must_use = "a command has no effect until it is awaited"]
pub struct Execute<'j, D, M> {
    journal: &'j Journal,
    stream: Result<StreamId, InvalidName>,
    decision: D,
    origin: Origin,
    key: Result<Option<CommandKey>, InvalidKey>,
    at: Option<StreamVersion>,
    dry_run: bool,
    marker: PhantomData<fn() -> M>,
}

impl Journal {
    /// Executes a function of the aggregate's state, or a command: loads the state, lets it
    /// decide, and appends the events with the loaded version. On a conflict it reads what is new
    /// and decides again, up to [`attempts`](super::JournalOptions::attempts) times.
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
    ) -> Execute<'j, D, M>
    where
        D: Decision<M>,
    {
        Execute {
            journal: self,
            stream: Self::stream_of::<D::Aggregate>(id),
            decision,
            origin: Origin::default(),
            key: Ok(None),
            at: None,
            dry_run: false,
            marker: PhantomData,
        }
    }
}

impl<D, M> Execute<'_, D, M> {
    /// Gives the command its effect once: the same key again, even after a restart, returns the
    /// first receipt. A refused command is not remembered.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.key = CommandKey::new(key).map(Some);
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

impl<'j, D, M> IntoFuture for Execute<'j, D, M>
where
    D: Decision<M> + 'j,
    M: 'j,
{
    type Output = ReceiptOf<D, M>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'j>>;

    fn into_future(self) -> Self::IntoFuture {
        let category = <D::Aggregate as Aggregate>::CATEGORY;
        let span = tracing::info_span!("annals.execute", category);
        Box::pin(
            async move {
                let result = self.run().await;
                let outcome = match &result {
                    Ok(_) => "ok",
                    Err(ExecuteError::Domain(_)) => "refused",
                    Err(ExecuteError::Conflict { .. }) => "conflict",
                    Err(ExecuteError::OutcomeUnknown { .. }) => "unknown",
                    Err(_) => "error",
                };
                metrics::counter!("annals_commands_total", "category" => category, "outcome" => outcome)
                    .increment(1);
                result
            }
            .instrument(span),
        )
    }
}

impl<D: Decision<M>, M> Execute<'_, D, M> {
    async fn run(self) -> ReceiptOf<D, M> {
        let Self { journal, stream, decision, mut origin, key, at, dry_run, .. } = self;
        let (stream, key) = (stream?, key?);
        journal.register::<EventOf<D, M>>().await?;
        if let Some(receipt) = journal.first_receipt(&stream, key.as_ref()).await? {
            return Ok(receipt);
        }
        origin.metadata.traceparent =
            origin.metadata.traceparent.or_else(trace::current_traceparent);
        if origin.metadata.source.is_none() {
            origin.metadata.source.clone_from(&journal.inner.options.source);
        }

        let slot = journal.inner.cache.slot::<D::Aggregate>(&stream);
        let mut slot = slot.lock().await;
        let (mut folded, mut fresh) = match slot.take() {
            Some(folded) => (folded, false),
            None => (journal.fold(&stream).await?, true),
        };
        if !fresh && (dry_run || at.is_some()) {
            journal.catch_up(&stream, &mut folded, None).await?;
            fresh = true;
        }
        if let Some(expected) = at
            && folded.version != expected
        {
            let actual = folded.version;
            *slot = Some(folded);
            return Err(ExecuteError::Conflict { stream, expected, actual, attempts: 1 });
        }
        let mut attempt = 1;
        loop {
            let context = journal.decision_context();
            let decided = decision.decide(&folded.state, &context);
            let appends = decided.as_ref().is_ok_and(|events| !events.is_empty() || key.is_some());
            if !fresh && !appends {
                // No append will find out whether the cached state is behind, so look.
                let decided_on = folded.version;
                journal.catch_up(&stream, &mut folded, None).await?;
                fresh = true;
                if folded.version != decided_on {
                    continue;
                }
            }
            let events = match decided {
                Ok(events) => events,
                Err(refusal) => {
                    *slot = Some(folded);
                    return Err(ExecuteError::Domain(refusal));
                }
            };
            if dry_run {
                // What would be refused when it is written is refused here.
                journal.build(&stream, &folded, &events, &origin, None)?;
            }
            if dry_run || !appends {
                let receipt = Receipt {
                    version: folded.version.plus(events.len() as u64),
                    position: folded.position,
                    event_ids: Vec::new(),
                    repeated: false,
                    stream,
                    events,
                    dry_run,
                };
                *slot = Some(folded);
                return Ok(receipt);
            }
            let (append, event_ids) =
                journal.build(&stream, &folded, &events, &origin, key.clone())?;
            match journal.append_resolving(append).await {
                Ok(appended) if appended.repeated && key.is_some() => {
                    // Somebody else executed the same command since we looked, or we did and the
                    // reply was lost: the ids tell.
                    let first = journal.first_receipt(&stream, key.as_ref()).await?;
                    let first: Receipt<_> = first.ok_or_else(|| lost_record(&stream))?;
                    let ours = !event_ids.is_empty() && first.event_ids == event_ids;
                    return Ok(Receipt { repeated: !ours, ..first });
                }
                Ok(appended) => {
                    for event in &events {
                        folded.state.apply(event);
                    }
                    folded.version = folded.version.plus(events.len() as u64);
                    folded.position = appended.position;
                    journal.keep_snapshot(&stream, &mut folded).await;
                    let receipt = Receipt {
                        version: folded.version,
                        position: folded.position,
                        repeated: false,
                        dry_run: false,
                        stream,
                        events,
                        event_ids,
                    };
                    *slot = Some(folded);
                    return Ok(receipt);
                }
                Err(StoreError::Conflict { actual, .. })
                    if at.is_some() || attempt >= journal.inner.options.attempts =>
                {
                    let expected = folded.version;
                    return Err(ExecuteError::Conflict {
                        stream,
                        expected,
                        actual,
                        attempts: attempt,
                    });
                }
                Err(StoreError::Conflict { .. }) => {
                    metrics::counter!("annals_command_conflicts_total").increment(1);
                    pause(journal.inner.options.backoff, attempt).await;
                    journal.catch_up(&stream, &mut folded, None).await?;
                    fresh = true;
                    attempt += 1;
                }
                Err(source) if source.may_have_written() => {
                    return Err(ExecuteError::OutcomeUnknown { event_ids, source });
                }
                Err(error) => {
                    *slot = Some(folded);
                    return Err(ExecuteError::Store(error));
                }
            }
        }
    }
}

/// A store said that a command is recorded and then does not find it: its contract is broken.
fn lost_record<E: std::error::Error>(stream: &StreamId) -> ExecuteError<E> {
    ExecuteError::Store(StoreError::Corrupt {
        place: format!("the record of a command on `{stream}`"),
        detail: "it was reported as executed, and cannot be found".to_owned(),
    })
}

impl Journal {
    /// The receipt of a command that was executed before.
    async fn first_receipt<Ev: Event, E: std::error::Error + 'static>(
        &self,
        stream: &StreamId,
        key: Option<&CommandKey>,
    ) -> Result<Option<Receipt<Ev>>, ExecuteError<E>> {
        let Some(key) = key else { return Ok(None) };
        let Some(record) = self.store().command(key).await.map_err(ExecuteError::Store)? else {
            return Ok(None);
        };
        if record.stream != *stream {
            return Err(ExecuteError::Store(StoreError::KeyReused {
                key: key.to_string(),
                first: record.stream,
            }));
        }
        let query = StreamQuery::all(stream.clone()).after(record.before).up_to(record.after);
        let stored = self.store().read_stream(&query).await.map_err(ExecuteError::Store)?;
        let event_ids = stored.iter().map(|event| event.id).collect();
        let events = stored
            .into_iter()
            .map(|event| {
                Ev::decode(event.event_type.as_str(), event.schema_version, &event.payload).map_err(
                    |source| LoadError::Decode {
                        stream: event.stream,
                        version: event.version,
                        source,
                    },
                )
            })
            .collect::<Result<_, _>>()?;
        Ok(Some(Receipt {
            stream: record.stream,
            version: record.after,
            position: record.position,
            events,
            event_ids,
            repeated: true,
            dry_run: false,
        }))
    }

    /// Wraps decided events into envelopes.
    fn build<A: Apply>(
        &self,
        stream: &StreamId,
        folded: &Folded<A>,
        events: &[A::Event],
        origin: &Origin,
        key: Option<CommandKey>,
    ) -> Result<(Append, Vec<EventId>), ExecuteError<A::Error>> {
        let new: Vec<NewEvent> = events
            .iter()
            .map(|event| {
                Ok(NewEvent {
                    id: EventId::new(self.inner.ids.next()),
                    event_type: EventType::from_static(event.event_type()),
                    schema_version: event.schema_version(),
                    payload: event.encode()?,
                    occurred_at: None,
                    metadata: origin.metadata.clone(),
                })
            })
            .collect::<Result<_, EncodeError>>()?;
        let ids = new.iter().map(|event| event.id).collect();
        let mut append = Append::to(stream.clone(), ExpectedVersion::Exact(folded.version), new);
        append.command = key;
        Ok((self.prepare(append)?, ids))
    }

    /// Appends, and when the reply is lost, appends the same ids again to learn what became of
    /// them: that returns the first result if it was written, and writes it if it was not.
    async fn append_resolving(&self, append: Append) -> Result<Appended, StoreError> {
        let mut result = self.store().append(append.clone()).await;
        let mut lost = None;
        for attempt in 1..=RESOLVE_ATTEMPTS {
            match result {
                Err(error) if error.may_have_written() => lost = Some(error),
                // While the outcome of the first try is open, no later failure may hide it.
                Err(error) if lost.is_some() && error.is_transient() => {}
                Ok(appended) if lost.is_some() => return Ok(first_told(&append, appended)),
                other => return other,
            }
            pause(self.inner.options.backoff, attempt).await;
            result = self.store().append(append.clone()).await;
        }
        match (result, lost) {
            (Ok(appended), _) => Ok(first_told(&append, appended)),
            (Err(error), Some(lost)) if error.is_transient() => Err(lost),
            (Err(error), _) => Err(error),
        }
    }
}

/// The result of an append whose first reply was lost: whoever asked was told of no other, so to
/// them it is the first. With a key it may be the result of another's append, and stays marked.
fn first_told(append: &Append, appended: Appended) -> Appended {
    Appended { repeated: appended.repeated && append.command.is_some(), ..appended }
}

/// Waits for a random time up to `limit`, doubled with each attempt.
async fn pause(limit: Duration, attempt: u32) {
    let limit = limit.saturating_mul(1 << attempt.saturating_sub(1).min(10));
    // The last 32 bits of a UUID of version 7 are random.
    let random = f64::from(Uuid::now_v7().as_u128() as u32) / f64::from(u32::MAX);
    tokio::time::sleep(limit.mul_f64(random)).await;
}
