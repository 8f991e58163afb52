//! Connections on which nothing comes any more, and nobody says so.

use std::sync::Arc;
use std::time::Duration;

use annals::store::{AppendHook, EventStore, StoreError, StreamQuery, Transaction};
use annals::{ExpectedVersion, PgOptions, RecordedEvent};
use annals_tests::ledger::whole_log;
use annals_tests::postgres::{Proxy, host_of, proxied};
use annals_tests::writer::stream;

use super::super::crowd::{Crowd, PATIENCE};
use super::super::place::{Place, open};
use super::append;

/// The server gives a statement this long, and a silent connection is given up soon after.
const SHORT: Duration = Duration::from_secs(1);

fn impatient(options: PgOptions) -> PgOptions {
    options.statement_timeout(SHORT).lock_timeout(SHORT).pool_timeout(SHORT)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_go_on_after_a_silence() {
    let seed = uuid::Uuid::now_v7().as_u128() as u64;
    println!("seed {seed}");
    let place = Place::shared().await;
    let proxy = Proxy::to(host_of(&place.url)).await;
    let options = impatient(place.options_at(&proxied(&place.url, &proxy)));
    let store = open(options.connect_retry(PATIENCE)).await;
    let crowd = Crowd::start(&store, 4, "", seed);
    for silence in [SHORT / 10, SHORT * 5] {
        crowd.write(20).await;
        proxy.freeze();
        // Time has to pass: shorter than the store waits, then longer.
        tokio::time::sleep(silence).await;
        proxy.thaw();
    }
    crowd.write(20).await;
    let ledger = crowd.finish().await;
    ledger.check(&whole_log(&*place.store().await).await);
    assert!(ledger.unknown.is_empty(), "asking again has cleared up everything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_does_not_wait_for_ever() {
    let place = Place::shared().await;
    let proxy = Proxy::to(host_of(&place.url)).await;
    let store = open(impatient(place.options_at(&proxied(&place.url, &proxy)))).await;
    let written = store.append(append("1", ExpectedVersion::Any, "{}")).await;
    written.expect("nothing is frozen yet");

    proxy.freeze();
    let query = StreamQuery::all(stream("account", "1"));
    let read = tokio::time::timeout(PATIENCE, store.read_stream(&query)).await;
    let error = read.expect("it ends").expect_err("there is no answer");
    assert!(error.is_transient(), "{error:?}");

    proxy.thaw();
    let read = tokio::time::timeout(PATIENCE, store.read_stream(&query)).await;
    assert_eq!(read.expect("it ends").expect("the network is back").len(), 1);
}

/// Freezes the network while its transaction has the log locked.
struct Freezing(Arc<Proxy>);

#[annals::async_trait]
impl AppendHook for Freezing {
    async fn run(
        &self,
        _events: &[RecordedEvent],
        _transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        self.0.freeze();
        Ok(())
    }
}

/// A process that vanished with the log locked does not keep it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_holder_loses_the_lock() {
    let place = Place::shared().await;
    let proxy = Arc::new(Proxy::to(host_of(&place.url)).await);
    let options = impatient(place.options_at(&proxied(&place.url, &proxy)));
    let silent = open(options.connect_retry(SHORT)).await;
    let direct = place.store().await;
    let mut held = append("held", ExpectedVersion::Any, "{}");
    held.hooks.push(Arc::new(Freezing(proxy.clone())));
    let holding = tokio::spawn(async move { silent.append(held).await });

    let free = append("free", ExpectedVersion::Any, "{}");
    let appended = tokio::time::timeout(PATIENCE, direct.append(free)).await;
    appended.expect("the lock is let go").expect("it was not held for longer than this waits");

    let held = tokio::time::timeout(PATIENCE, holding).await;
    let held = held.expect("it ends").expect("no panic");
    proxy.thaw();
    // Its COMMIT never got through.
    assert!(held.is_err(), "{held:?}");
    let streams: Vec<_> = whole_log(&*direct).await.into_iter().map(|e| e.stream).collect();
    assert_eq!(streams, [stream("account", "free")]);
}
