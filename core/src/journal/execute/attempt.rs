//! The loop: load, decide, append with the loaded version, and again on a conflict.

use tokio::time::Instant;

use super::backoff::Backoff;
use super::repeat::lost_record;
use super::{Execute, ExecuteError, ReceiptOf};
use crate::aggregate::{Apply, Decision, IntoDecision};
use crate::envelope::{EventId, EventType, NewEvent};
use crate::event::Event;
use crate::journal::append::Prepared;
use crate::journal::fold::Folded;
use crate::journal::options::Origin;
use crate::journal::receipt::Receipt;
use crate::journal::{Journal, JournalOptions, observe};
use crate::names::{ExpectedVersion, StreamId};
use crate::schema::{SchemaError, Unbound};
use crate::store::{Append, CommandOutcome, KeyedCommand, StoreError};
use crate::trace::current_traceparent;

impl<D, A: Apply> Execute<'_, D, A> {
    pub(super) async fn run<M>(self) -> ReceiptOf<A>
    where
        D: Decision<M, Aggregate = A, Returns: IntoDecision<A>>,
    {
        let Self { journal, stream, decision, mut origin, key, at, dry_run, .. } = self;
        let (stream, key) = (stream?, key?);
        let command = key.map(|key| KeyedCommand {
            key,
            fingerprint: self.fingerprint.or_else(|| decision.fingerprint()),
            outcome: CommandOutcome::Executed,
        });
        journal.register::<A::Event>().await?;
        if let Some(receipt) = journal.first_receipt(&stream, command.as_ref()).await? {
            return Ok(receipt);
        }
        origin.metadata.traceparent = origin.metadata.traceparent.or_else(current_traceparent);
        if origin.metadata.source.is_none() {
            origin.metadata.source.clone_from(&journal.inner.options.source);
        }

        let slot = journal.inner.cache.slot::<A>(&stream);
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
            drop(slot);
            let named = stream.clone();
            let conflict = ExecuteError::Conflict {
                stream: named,
                expected,
                actual,
                attempts: 1,
                asked: true,
            };
            return journal.unless_executed(&stream, command.as_ref(), conflict).await;
        }
        let remembers = self.remember_refusal && command.is_some();
        let mut backoff = Backoff::new(&journal.inner.options);
        let began = Instant::now();
        loop {
            let context = journal.decision_context();
            let span = observe::decide(&stream, folded.version);
            let decided =
                span.in_scope(|| decision.decide(&folded.state, &context).into_decision());
            if let Ok(events) = &decided {
                span.record("events", events.len());
            }
            let appends = !dry_run
                && match &decided {
                    Ok(events) => !events.is_empty() || command.is_some(),
                    Err(_) => remembers,
                };
            if !fresh && !appends {
                // No append will find out whether the cached state is behind, so look.
                let decided_on = folded.version;
                journal.catch_up(&stream, &mut folded, None).await?;
                fresh = true;
                if folded.version != decided_on {
                    continue;
                }
            }
            let (events, refusal) = match decided {
                Ok(events) => (events, None),
                Err(refusal) if appends => (Vec::new(), Some(refusal)),
                Err(refusal) => {
                    *slot = Some(folded);
                    drop(slot);
                    let refused = ExecuteError::Domain(refusal);
                    return journal.unless_executed(&stream, command.as_ref(), refused).await;
                }
            };
            let Built { mut append, unbound, event_ids, events } =
                journal.build(&stream, &folded, &events, &origin)?;
            if !appends {
                // What would be refused when it is written has been refused here.
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
            journal.bind(unbound).await?;
            append.command = command.clone().map(|command| match &refusal {
                Some(refusal) => {
                    KeyedCommand { outcome: CommandOutcome::refused(refusal), ..command }
                }
                None => command,
            });
            match journal.append_resolving(append).await {
                Ok(appended) if appended.repeated && command.is_some() => {
                    // Somebody else executed the same command since we looked, or we did and the
                    // reply was lost: the ids tell.
                    return match (journal.first_receipt(&stream, command.as_ref()).await, refusal) {
                        (
                            Err(ExecuteError::Store(StoreError::RefusedBefore { .. })),
                            Some(ours),
                        ) => Err(ExecuteError::Domain(ours)),
                        (first, _) => {
                            let first = first?.ok_or_else(|| lost_record(&stream))?;
                            let ours = !event_ids.is_empty() && first.event_ids == event_ids;
                            Ok(Receipt { repeated: !ours, ..first })
                        }
                    };
                }
                Ok(appended) => {
                    if let Some(refusal) = refusal {
                        *slot = Some(folded);
                        return Err(ExecuteError::Domain(refusal));
                    }
                    for event in &events {
                        folded.state.apply(event);
                    }
                    folded.version = folded.version.plus(events.len() as u64);
                    folded.position = appended.position;
                    journal.keep_snapshot(&stream, &folded);
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
                    if at.is_some() || gives_up(&journal.inner.options, began, &backoff) =>
                {
                    let expected = folded.version;
                    let (attempts, asked) = (backoff.pauses() + 1, at.is_some());
                    return Err(ExecuteError::Conflict {
                        stream,
                        expected,
                        actual,
                        attempts,
                        asked,
                    });
                }
                Err(StoreError::Conflict { .. }) => {
                    metrics::counter!("annals_command_conflicts_total").increment(1);
                    backoff.pause().await;
                    journal.catch_up(&stream, &mut folded, None).await?;
                    fresh = true;
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

/// Whether there were conflicts for long enough. One that took that long may be tried again.
fn gives_up(options: &JournalOptions, began: Instant, backoff: &Backoff) -> bool {
    let limit = options.retry_conflicts_for;
    began.elapsed() >= limit && (limit.is_zero() || backoff.pauses() > 0)
}

/// Decided events, ready to be appended.
struct Built<Ev> {
    append: Append,
    unbound: Vec<Unbound>,
    event_ids: Vec<EventId>,
    /// As they will be read: what is folded into the state that is kept, and told the caller, is
    /// what every other process will see.
    events: Vec<Ev>,
}

impl Journal {
    /// Wraps decided events into envelopes, checks them and reads them back.
    fn build<A: Apply>(
        &self,
        stream: &StreamId,
        folded: &Folded<A>,
        decided: &[A::Event],
        origin: &Origin,
    ) -> Result<Built<A::Event>, ExecuteError<A::Error>> {
        let mut new = Vec::with_capacity(decided.len());
        for event in decided {
            new.push(NewEvent {
                id: EventId::new(self.inner.ids.next()),
                event_type: EventType::from_static(event.event_type()),
                schema_version: event.schema_version(),
                payload: event.encode()?,
                occurred_at: None,
                metadata: origin.metadata.clone(),
            });
        }
        let event_ids = new.iter().map(|event| event.id).collect();
        let append = Append::to(stream.clone(), ExpectedVersion::Exact(folded.version), new);
        let Prepared { append, unbound } = self.prepare(append)?;
        let written = append.streams.iter().flat_map(|stream| &stream.events);
        let events = written
            .map(|event| {
                let (version, payload) = (event.schema_version, event.payload.as_str());
                A::Event::decode(event.event_type.as_str(), version, payload)
            })
            .collect::<Result<_, _>>()
            .map_err(SchemaError::Unreadable)?;
        Ok(Built { append, unbound, event_ids, events })
    }
}
