//! Spans say what a command came to, and who deals with its events belongs to its trace.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use annals::prelude::*;
use annals::store::BoxError;
use annals::table::TableSpec;
use annals::{
    ConsumeError, EngineOptions, EventHandler, HandlerTables, MemoryStore, Origin, Position,
    Subscriber, async_trait,
};
use annals_tests::bank::{Account, AccountEvent, Balances};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::Instrument;

use super::traces::{Traces, field, links, place};

const PATIENCE: Duration = Duration::from_secs(30);

/// Passes a cent of what comes in to account 2, and fails the first time.
struct Tithe {
    annals: Arc<OnceLock<Annals>>,
    dealt: UnboundedSender<Position>,
    has_failed: OnceLock<()>,
}

#[async_trait]
impl Subscriber for Tithe {
    type Event = AccountEvent;
    const NAME: &'static str = "tithe";

    async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
        if event.stream.id() == "1" && matches!(event.data, AccountEvent::Deposited { .. }) {
            if self.has_failed.set(()).is_ok() {
                return Err(ConsumeError::retry("not yet"));
            }
            let annals = self.annals.get().expect("it was given before the first event");
            let cause = Origin::caused_by(event);
            let deposited = annals.execute(&2, |account: &Account| account.deposit(1));
            deposited.origin(cause).await.map_err(ConsumeError::retry)?;
        }
        self.dealt.send(event.position).map_err(ConsumeError::retry)
    }
}

/// A program with a subscriber that tells what it has dealt with.
async fn program() -> (Annals, UnboundedReceiver<Position>) {
    let (annals, (dealt, heard)) = (Arc::new(OnceLock::new()), unbounded_channel());
    let tithe = Tithe { annals: annals.clone(), dealt, has_failed: OnceLock::new() };
    let program = Annals::on(MemoryStore::default()).subscriber(tithe).start().await;
    let program = program.expect("it starts");
    annals.set(program.clone()).expect("once");
    (program, heard)
}

async fn deposit(annals: &Annals, account: u64) -> Position {
    let deposit = annals.execute(&account, |account: &Account| account.deposit(5));
    let request = tracing::info_span!("request");
    let receipt = async { deposit.await }.instrument(request).await;
    receipt.expect("the bank takes money").position
}

fn only(spans: Vec<SpanData>) -> SpanData {
    assert_eq!(spans.len(), 1, "{spans:#?}");
    spans.into_iter().next().expect("one")
}

#[tokio::test]
async fn a_subscriber_carries_on_the_trace_of_the_event() {
    let (traces, _guard) = Traces::begin();
    let story = async {
        let (annals, mut heard) = program().await;
        deposit(&annals, 1).await;
        // Both accounts are opened and paid into.
        for _ in 0..4 {
            heard.recv().await.expect("the subscriber lives");
        }
        annals.shutdown().await;
    };
    tokio::time::timeout(PATIENCE, story).await.expect("it hangs");

    let request = only(traces.named("request"));
    let trace = request.span_context.trace_id();
    let executes = traces.named("annals.execute");
    let [first, second] = &executes[..] else { panic!("{executes:#?}") };
    assert_eq!(first.parent_span_id, request.span_context.span_id());
    assert_eq!(field(first, "category").as_deref(), Some("account"));
    assert_eq!(field(first, "stream").as_deref(), Some("account-1"));
    assert_eq!(field(first, "outcome").as_deref(), Some("ok"));
    for name in ["annals.load", "annals.decide", "annals.append"] {
        let spans = traces.named(name);
        let inner = spans.iter().find(|span| place(first).1 == span.parent_span_id);
        let inner = inner.unwrap_or_else(|| panic!("{name} in {spans:#?}"));
        assert_eq!(field(inner, "stream").as_deref(), Some("account-1"), "{name}");
    }
    let append = &traces.named("annals.append")[0];
    assert_eq!(field(append, "events").as_deref(), Some("2"));
    assert_eq!(field(append, "position").as_deref(), Some("2"));

    let handles = traces.named("annals.handle");
    let of_first: Vec<_> = handles
        .iter()
        .filter(|span| field(span, "stream").as_deref() == Some("account-1"))
        .collect();
    assert!(of_first.len() >= 2, "{handles:#?}");
    for handle in of_first {
        assert_eq!(handle.span_context.trace_id(), trace, "it is in the trace of the event");
        assert_eq!(handle.parent_span_id, place(first).1, "the event came about there");
        assert_eq!(links(handle), [place(first)]);
        assert_eq!(handle.span_kind, SpanKind::Consumer);
        assert_eq!(field(handle, "consumer").as_deref(), Some("tithe"));
    }
    let failed = handles.iter().filter(|span| span.status != Status::Unset);
    assert_eq!(failed.count(), 1, "the first try");
    // What the handler has executed goes on from it, in the same trace.
    assert_eq!(second.span_context.trace_id(), trace);
    let from = handles.iter().find(|span| place(span).1 == second.parent_span_id);
    let from = from.expect("it was executed by the handler");
    assert_eq!(field(from, "event_type").as_deref(), Some("account.deposited"));
    let third = handles.iter().find(|span| links(span) == [place(second)]);
    assert_eq!(third.expect("its events too").span_context.trace_id(), trace);
}

/// Handles events one by one, and counts nothing.
struct Looks;

#[async_trait]
impl EventHandler for Looks {
    type Event = AccountEvent;
    const NAME: &'static str = "looks";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        Vec::new()
    }

    async fn handle(
        &self,
        _: &Recorded<AccountEvent>,
        _: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_batch_is_linked_to_the_spans_that_caused_its_events() {
    let (traces, _guard) = Traces::begin();
    let story = async {
        let store = MemoryStore::default();
        let writer = Annals::on(store.clone()).start().await.expect("it starts");
        deposit(&writer, 1).await;
        let last = deposit(&writer, 2).await;
        let annals = Annals::on(store).project(Balances).handle(Looks).start().await;
        let annals = annals.expect("it starts");
        annals.wait_for(last, PATIENCE).await.expect("they catch up");
        annals.shutdown().await;
    };
    tokio::time::timeout(PATIENCE, story).await.expect("it hangs");

    let causes: Vec<_> = traces.named("annals.execute").iter().map(place).collect();
    let batches = traces.named("annals.batch");
    for consumer in ["balances", "looks"] {
        let own =
            batches.iter().filter(|span| field(span, "consumer").as_deref() == Some(consumer));
        let batch = only(own.cloned().collect());
        assert_eq!(links(&batch), causes, "one link a cause");
        assert!(causes.iter().all(|(trace, _)| *trace != batch.span_context.trace_id()));
        let numbers = ["events", "first", "last"].map(|name| field(&batch, name));
        assert_eq!(numbers, ["4", "1", "4"].map(|number| Some(number.to_owned())));
        assert_eq!(batch.span_kind, SpanKind::Consumer);
        assert_eq!(batch.status, Status::Unset);
        if consumer == "looks" {
            let handles = traces.named("annals.handle");
            assert_eq!(handles.len(), 4);
            for (handle, cause) in handles.iter().zip([0, 0, 1, 1]) {
                assert_eq!(handle.parent_span_id, place(&batch).1, "it is a part of the batch");
                assert_eq!(links(handle), [causes[cause]]);
            }
        }
    }
}

#[tokio::test]
async fn a_large_batch_has_a_bounded_number_of_links() {
    let (traces, _guard) = Traces::begin();
    let story = async {
        let store = MemoryStore::default();
        let writer = Annals::on(store.clone()).start().await.expect("it starts");
        let mut last = Position::START;
        for account in 1..=150 {
            last = deposit(&writer, account).await;
        }
        let annals = Annals::on(store).project(Balances).start().await.expect("it starts");
        annals.wait_for(last, PATIENCE).await.expect("they catch up");
        annals.shutdown().await;
    };
    tokio::time::timeout(PATIENCE, story).await.expect("it hangs");
    let batch = only(traces.named("annals.batch"));
    assert_eq!(field(&batch, "events").as_deref(), Some("300"));
    assert_eq!((batch.links.len(), batch.links.dropped_count), (128, 0));
}

#[tokio::test]
async fn transactions_of_one_batch_follow_from_each_other() {
    let (traces, _guard) = Traces::begin();
    let story = async {
        let store = MemoryStore::default();
        let writer = Annals::on(store.clone()).start().await.expect("it starts");
        let last = deposit(&writer, 1).await;
        // Each transaction ends after its first event.
        let hasty = EngineOptions { batch_time: Duration::ZERO, ..EngineOptions::default() };
        let annals = Annals::on(store).handle(Looks).engine_options(hasty).start().await;
        let annals = annals.expect("it starts");
        annals.wait_for(last, PATIENCE).await.expect("they catch up");
        annals.shutdown().await;
    };
    tokio::time::timeout(PATIENCE, story).await.expect("it hangs");
    let batches = traces.named("annals.batch");
    let [first, second] = &batches[..] else { panic!("{batches:#?}") };
    assert_eq!(links(first), [place(&traces.named("annals.execute")[0])]);
    assert_eq!(links(second), [place(first)]);
    let numbers = |span| ["events", "first", "last"].map(|name| field(span, name).expect("there"));
    assert_eq!(numbers(first), ["1", "1", "1"]);
    assert_eq!(numbers(second), ["1", "2", "2"]);
}

/// Takes many events of an account at once.
struct Digest(UnboundedSender<usize>);

#[async_trait]
impl Subscriber for Digest {
    type Event = AccountEvent;
    const NAME: &'static str = "digest";
    const BATCH: usize = 10;

    async fn handle(&self, _: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
        Err(ConsumeError::poison("they come together"))
    }

    async fn handle_batch(&self, events: &[Recorded<AccountEvent>]) -> Result<(), ConsumeError> {
        self.0.send(events.len()).map_err(ConsumeError::retry)
    }
}

#[tokio::test]
async fn events_that_are_given_at_once_are_linked_to_what_caused_them() {
    let (traces, _guard) = Traces::begin();
    let story = async {
        let store = MemoryStore::default();
        let writer = Annals::on(store.clone()).start().await.expect("it starts");
        deposit(&writer, 1).await;
        deposit(&writer, 1).await;
        let (dealt, mut heard) = unbounded_channel();
        let annals = Annals::on(store).subscriber(Digest(dealt)).start().await.expect("it starts");
        assert_eq!(heard.recv().await, Some(3));
        annals.shutdown().await;
    };
    tokio::time::timeout(PATIENCE, story).await.expect("it hangs");
    let causes: Vec<_> = traces.named("annals.execute").iter().map(place).collect();
    let handle = only(traces.named("annals.handle"));
    assert_eq!(links(&handle), causes);
    assert!(causes.iter().all(|(trace, _)| *trace != handle.span_context.trace_id()));
    assert_eq!(field(&handle, "events").as_deref(), Some("3"));
}
