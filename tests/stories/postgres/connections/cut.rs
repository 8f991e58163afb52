//! Connections that are reset: at any moment, or just before a reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::store::{
    AppendHook, CommandKey, EventStore, StateStore, StoreError, StreamQuery, TransactExt,
    Transaction,
};
use annals::{ExpectedVersion, RecordedEvent, StreamVersion};
use annals_tests::ledger::{Ledger, assert_dense, whole_log};
use annals_tests::postgres::{Proxy, host_of, proxied};
use annals_tests::random::Random;
use annals_tests::writer::stream;

use super::super::crowd::{Crowd, PATIENCE};
use super::super::place::{Place, open};
use super::append;

const CUTS: u64 = 30;
const REPLIES: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_under_load() {
    let seed = uuid::Uuid::now_v7().as_u128() as u64;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let place = Place::shared().await;
    let proxy = Proxy::to(host_of(&place.url)).await;
    let options = place.options_at(&proxied(&place.url, &proxy));
    let store = open(options.connect_retry(PATIENCE)).await;

    let crowd = Crowd::start(&store, 8, "", seed);
    for round in 0..CUTS {
        if round % 2 == 0 {
            proxy.cut();
        } else {
            let bytes = 1 + random.below(3_000) as usize;
            proxy.cut_after_bytes_from_server(bytes).await.expect("the proxy says so");
        }
        crowd.write(random.below(20)).await;
    }
    let ledger: Ledger = crowd.finish().await;
    let direct = place.store().await;
    ledger.check(&whole_log(&*direct).await);
    println!("{} acknowledged, {} unknown", ledger.acknowledged.len(), ledger.unknown.len());
    assert!(ledger.unknown.is_empty(), "asking again has cleared up everything");
}

/// The server commits, the reply is lost, the store finds out: one event, the right answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_is_looked_up() {
    let place = Place::shared().await;
    let proxy = Proxy::to(host_of(&place.url)).await;
    let store = open(place.options_at(&proxied(&place.url, &proxy))).await;
    for round in 0..REPLIES {
        let expected = match round {
            0 => ExpectedVersion::NoStream,
            round => ExpectedVersion::Exact(StreamVersion::new(round)),
        };
        let text = format!("marked-{round}-");
        let mut append = append("1", expected, &format!(r#"{{"text":"{text}"}}"#));
        if round % 2 == 1 {
            append = append.with_command(CommandKey::new(text.clone()).expect("a short key"));
        }
        let happened = proxy.cut_reply_to(&text);
        let appended = store.append(append).await.expect("it is written, and that is known");
        happened.await.expect("the proxy says so");
        assert_eq!(appended.streams[0].after.get(), round + 1);
        assert_eq!(appended.position.get(), round + 1);
    }
    let log = whole_log(&*store).await;
    assert_eq!(log.len() as u64, REPLIES);
    assert_dense(&log);
}

/// The reply is lost, and then somebody keeps the log locked: nobody knows what became of the append,
/// whatever else went wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_that_cannot_be_looked_up_stays_unknown() {
    let place = Place::shared().await;
    let proxy = Proxy::to(host_of(&place.url)).await;
    let options = place.options_at(&proxied(&place.url, &proxy)).listen(false);
    let store = open(options.lock_timeout(Duration::from_millis(300))).await;
    store.append(append("1", ExpectedVersion::NoStream, "{}")).await.expect("nothing is cut yet");

    let second = append("1", ExpectedVersion::Any, r#"{"text":"marked"}"#);
    let happened = proxy.cut_reply_to("marked");
    proxy.refuse();
    let appending = tokio::spawn({
        let (store, second) = (store.clone(), second.clone());
        async move { store.append(second).await }
    });
    happened.await.expect("the proxy says so");
    let client = place.client().await;
    place.lock_log(&client).await;
    proxy.accept();
    let error = appending.await.expect("no panic").expect_err("it cannot be looked up");
    assert!(error.may_have_written(), "{error:?}");

    client.batch_execute("COMMIT").await.expect("it was only idle");
    let appended = store.append(second).await.expect("nobody has it locked");
    assert!(appended.repeated, "the first try had written it");
}

/// Writes a row beside the event.
struct Beside;

#[annals::async_trait]
impl AppendHook for Beside {
    async fn run(
        &self,
        events: &[RecordedEvent],
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        transaction.set_checkpoint("beside", events[0].position).await
    }
}

/// The same with a transaction of several statements, whose `COMMIT` is what is not answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_commit_with_hooks_is_looked_up() {
    let place = Place::shared().await;
    let proxy = Proxy::to(host_of(&place.url)).await;
    let store = open(place.options_at(&proxied(&place.url, &proxy))).await;
    for round in 0..REPLIES {
        let version = StreamVersion::new(round);
        let expected = match round {
            0 => ExpectedVersion::NoStream,
            _ => ExpectedVersion::Exact(version),
        };
        let mut append = append("1", expected, "{}");
        append.hooks.push(Arc::new(Beside));
        let happened = proxy.cut_reply_to("; COMMIT");
        let appended = store.append(append).await.expect("it is written, and that is known");
        happened.await.expect("the proxy says so");
        assert_eq!(appended.streams[0].after, version.plus(1));
        let beside = annals::store::CheckpointStore::checkpoint(&*store, "beside").await;
        assert_eq!(beside.expect("it can be read"), Some(appended.position));
    }
    assert_dense(&whole_log(&*store).await);
}

/// Nobody can know what became of work of the user's own, so the store says just that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_commit_of_a_transaction_is_unknown() {
    let place = Place::shared().await;
    let proxy = Proxy::to(host_of(&place.url)).await;
    let store = open(place.options_at(&proxied(&place.url, &proxy))).await;
    let happened = proxy.cut_reply_to("; COMMIT");
    let result = store
        .transact_with(|transaction| Box::pin(async { transaction.put_state("k", "done").await }))
        .await;
    happened.await.expect("the proxy says so");
    assert!(matches!(result, Err(StoreError::OutcomeUnknown { .. })), "{result:?}");
    assert_eq!(store.state("k").await.expect("it can be read").as_deref(), Some("done"));
}

/// A transaction whose connection is cut before its end has not happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_transaction_did_not_happen() {
    let place = Place::shared().await;
    let proxy = Arc::new(Proxy::to(host_of(&place.url)).await);
    let store = open(place.options_at(&proxied(&place.url, &proxy))).await;
    let cut = Arc::new(AtomicBool::new(false));
    let cutting = proxy.clone();
    let result = store
        .transact_with(move |transaction| {
            let (proxy, cut) = (cutting.clone(), cut.clone());
            Box::pin(async move {
                transaction.put_state("k", "done").await?;
                if !cut.swap(true, Ordering::Relaxed) {
                    proxy.cut();
                }
                transaction.put_state("l", "done").await
            })
        })
        .await;
    // The store may run the work again, or say that it failed; never half of it.
    let direct = place.store().await;
    let (k, l) = (direct.state("k").await, direct.state("l").await);
    let (k, l) = (k.expect("it can be read"), l.expect("it can be read"));
    assert_eq!((k.is_some(), l.is_some()), (result.is_ok(), result.is_ok()), "{result:?}");
    assert!(!result.is_err_and(|error| error.may_have_written()), "it was not committed");
}

/// Reads are made again, or fail; they never give half an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_read_is_whole_or_an_error() {
    let place = Place::shared().await;
    let proxy = Proxy::to(host_of(&place.url)).await;
    let store = open(place.options_at(&proxied(&place.url, &proxy))).await;
    for _ in 0..200 {
        let append = append("1", ExpectedVersion::Any, r#"{"text":"some text to carry"}"#);
        store.append(append).await.expect("nothing is cut yet");
    }
    for round in 0..20 {
        let mut happened = proxy.cut_after_bytes_from_server(round * 1_000);
        // A read that fails at once, on a connection of the last round, brings no bytes.
        while happened.try_recv().is_err() {
            match store.read_stream(&StreamQuery::all(stream("account", "1"))).await {
                Ok(events) => assert_eq!(events.len(), 200, "after {round} kB"),
                Err(error) => assert!(error.is_transient(), "{error:?}"),
            }
        }
    }
    assert_eq!(whole_log(&*place.store().await).await.len(), 200);
}
