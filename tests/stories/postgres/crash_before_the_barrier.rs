//! Behind the barrier a commit is not durable before it is acknowledged. The server crashes just in
//! between, and what proves durability comes from the server that has started again: it must not be
//! taken for proof of what the old one has forgotten (I1).

use std::sync::Arc;

use annals::store::{Append, CommandKey, CommandStore, EventStore};
use annals::{ExpectedVersion, NewEvent, Payload, PgCommit, PgStore};
use annals_tests::ledger::whole_log;
use annals_tests::postgres::{Proxy, Server, connect, host_of, proxied};
use annals_tests::writer::stream;
use futures_util::future::join_all;

use super::crowd::PATIENCE;
use super::gate::Gate;
use super::place::{Place, open};

fn append(id: &str) -> Append {
    let event = NewEvent::raw("sample.happened", 1, Payload::from_stored("{}"));
    Append::to(stream("account", id), ExpectedVersion::Any, vec![event])
}

fn command(key: &str) -> Append {
    let key = CommandKey::new(key).expect("a short key");
    Append::to(stream("account", "1"), ExpectedVersion::Any, Vec::new()).with_command(key)
}

/// A store whose next commits are not durable for as long as the test needs.
struct Story {
    server: Server,
    place: Place,
    proxy: Proxy,
    store: Arc<PgStore>,
    gate: Gate,
}

impl Story {
    async fn begin(first: &Append) -> Self {
        // The server itself would make everything durable after a while: after its longest.
        let server = Server::start_with(&[("wal_writer_delay", "10s")]).await;
        let place = Place::on(&server);
        let proxy = Proxy::to(host_of(&place.url)).await;
        let options = place.options_at(&proxied(&place.url, &proxy));
        let options = options.commit(PgCommit::BehindBarrier).connect_retry(PATIENCE);
        let store = open(options.listen(false)).await;
        store.append(first.clone()).await.expect("nothing is broken yet");
        let gate = Gate::install(&place).await;
        Self { server, place, proxy, store, gate }
    }

    /// Lets the next two batches be committed, and then the server crash before it hears of the
    /// barrier. `second` waits in the queue while the first is committed.
    async fn crash(&mut self, second: Vec<Append>) {
        self.gate.shut().await;
        let store = self.store.clone();
        let first = tokio::spawn(async move { store.append(append("first")).await });
        self.gate.somebody_waits().await;
        // One after the other gets into the queue, in this order.
        let (store, appends) = (self.store.clone(), second.clone());
        let waiting = tokio::spawn(async move {
            join_all(appends.into_iter().map(|append| store.append(append))).await
        });
        // The barrier's connection ends, and a new one does not come about.
        self.proxy.hold_new();
        let client = connect(&self.server.url()).await;
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE query LIKE '%pg_logical_emit_message%' AND pid <> pg_backend_pid()";
        assert_eq!(client.query(sql, &[]).await.expect("it can be ended").len(), 1);
        self.gate.open().await;
        self.committed(&second).await;
        self.server.kill_9();
        self.server.start_again().await;
        // How much is lost is up to the server; the story is told all the same.
        println!("the server kept {} events", whole_log(&*self.place.store().await).await.len());
        self.proxy.release_new();
        let all = async { (waiting.await.expect("no panic"), first.await.expect("no panic")) };
        let (second, first) = tokio::time::timeout(PATIENCE, all).await.expect("they end");
        for result in second.into_iter().chain([first]) {
            result.expect("it is appended in the end");
        }
    }

    /// Waits until these can be seen, durable or not. The server gives no signal, so it is asked.
    async fn committed(&self, appends: &[Append]) {
        let direct = self.place.store().await;
        for append in appends {
            match (&append.command, append.streams[0].events.first()) {
                (Some(key), _) => {
                    while direct.command(key).await.expect("it can be read").is_none() {}
                }
                (None, Some(event)) => {
                    while !whole_log(&*direct).await.iter().any(|stored| stored.id == event.id) {}
                }
                (None, None) => {}
            }
        }
        direct.close().await;
    }
}

/// The witness of a batch must be one of its own events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repetition_proves_nothing_about_its_neighbours() {
    let known = append("known");
    let mut story = Story::begin(&known).await;
    let fresh = append("fresh");
    story.crash(vec![known.clone(), fresh.clone()]).await;
    let log = whole_log(&*story.place.store().await).await;
    let stored = |append: &Append| {
        log.iter().filter(|event| event.id == append.streams[0].events[0].id).count()
    };
    assert_eq!((stored(&known), stored(&fresh)), (1, 1), "what was acknowledged is there");
}

/// A command that decided nothing has no events, and is remembered all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_events_is_remembered() {
    let mut story = Story::begin(&append("1")).await;
    let command = command("once");
    story.crash(vec![command.clone()]).await;
    let key = command.command.expect("it has a key");
    let found = story.place.store().await.command(&key).await.expect("it can be read");
    assert!(found.is_some(), "what was acknowledged is there");
}
