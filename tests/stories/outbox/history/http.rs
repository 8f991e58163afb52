//! History over HTTP, with a real server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use annals::http::{Access, HttpHistory, public_log};
use annals::outbox::{History, HistoryError, Inbound, MemoryBroker, PublicLog};
use annals::store::StoreError;
use annals::{MemoryStore, Position};
use annals_testkit::{FaultyStore, Operation};
use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{all, bank, has, old_bank, public_log as log_of};
use crate::homes::{Home, deposit, quick};
use crate::outbox::services::{consumers, wait};
use crate::outbox::{Accounts, Customers};

const TOKEN: &str = "c0ffee-is-for-nobody-to-see";

/// Serves for as long as it is kept.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Served {
    async fn at(address: &str, router: Router) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service);
        Self { address, server: tokio::spawn(async move { serving.await.unwrap() }) }
    }

    pub(crate) async fn new(router: Router) -> Self {
        Self::at("127.0.0.1:0", router).await
    }

    pub(crate) fn history(&self) -> HttpHistory {
        HttpHistory::new(&format!("http://{}", self.address)).unwrap()
    }

    /// The head and the body of an answer, as they come.
    async fn ask(&self, path: &str, headers: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let asked = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        (head.to_ascii_lowercase(), body.to_owned())
    }
}

/// The owner is not there when the copy begins, comes, and goes again when it is not needed any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_begins_with_what_its_owner_serves() {
    Home::each(|home| async move {
        let (store, broker) = (MemoryStore::default(), MemoryBroker::default());
        old_bank(&store, 20).await;
        let bank = bank(&store, &broker).await;
        // A port that nobody listens at.
        let address = Served::new(Router::new()).await.address.to_string();
        let history = HttpHistory::new(&format!("http://{address}/bank/")).unwrap();
        let history = history.token(TOKEN).unwrap();
        let inbound = Inbound::new("taxes", broker.source(["accounts"]));
        let inbound = inbound.history(Arc::new(history));
        let copy = home.program().await.project_from(&inbound, Customers);
        let copy = copy.engine_options(quick()).start().await.unwrap();
        wait(async || {
            let trouble = consumers(&copy).await.remove(0).trouble;
            let told = format!("waiting for the history of http://{address}/bank/events");
            trouble.iter().any(|trouble| trouble.contains(&told))
        })
        .await;
        let router = public_log(log_of(&store), Access::token(TOKEN));
        let served = Served::at(&address, Router::new().nest("/bank", router)).await;
        for account in 1..=super::ACCOUNTS {
            deposit(&bank, account, 5).await;
        }
        has(&copy, |account| all(account, 25)).await;
        drop(served);
        deposit(&bank, 1, 1).await;
        has(&copy, |account| all(account, if account == 1 { 26 } else { 25 })).await;
        copy.shutdown().await;
        bank.shutdown().await;
    })
    .await;
}

/// Told in clear words, and nowhere shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_told_without_it() {
    let store = MemoryStore::default();
    old_bank(&store, 1).await;
    let served = Served::new(public_log(log_of(&store), Access::token(TOKEN))).await;
    for (said, why) in [(Some("guessed"), "not the right one"), (None, "a token is asked for")] {
        let history = served.history();
        let history = said.map_or(history.clone(), |said| history.token(said).unwrap());
        let refused = history.page(Position::START, 10).await.expect_err("nobody is let in");
        assert!(matches!(refused, HistoryError::Refused { .. }), "{refused:?}");
        let text = format!("{refused} {refused:?} {history:?}");
        assert!(text.contains("does not let this service in (401 Unauthorized)"), "{text}");
        assert!(text.contains(why), "{text}");
        assert!(!text.contains("guessed") && !text.contains(TOKEN), "{text}");
    }
    let (head, _) = served.ask("/events", "authorization: bearer c0ffee\r\n").await;
    assert!(
        head.starts_with("http/1.1 401") && head.contains("www-authenticate: bearer"),
        "{head}"
    );
    let (head, _) = served.ask("/events", &format!("authorization: bearer {TOKEN}\r\n")).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let right = served.history().token(TOKEN).unwrap();
    assert_eq!(right.page(Position::START, 100).await.unwrap().messages.len(), 12);
    let odd = served.history().token("a\nb").expect_err("no header takes it").to_string();
    assert!(odd.contains("visible ASCII"), "{odd}");
}

/// Whoever asks for others is not on this machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_only_this_machine_is_let_in() {
    let store = MemoryStore::default();
    old_bank(&store, 1).await;
    let served = Served::new(public_log(log_of(&store), Access::this_machine())).await;
    assert_eq!(served.history().page(Position::START, 100).await.unwrap().messages.len(), 12);
    let (head, body) = served.ask("/events", "x-forwarded-for: 10.0.0.7\r\n").await;
    assert!(head.starts_with("http/1.1 403") && body.contains("on its own machine"), "{body}");
    // Where nobody knows who asks, nobody is let in, unless that is wanted.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let blind = public_log(log_of(&store), Access::this_machine());
    let open = Router::new().nest("/open", public_log(log_of(&store), Access::open_to_all()));
    tokio::spawn(async move { axum::serve(listener, open.merge(blind)).await });
    let refused = HttpHistory::new(&format!("http://{address}")).unwrap();
    let refused = refused.page(Position::START, 10).await.expect_err("nobody knows who asks");
    assert!(refused.to_string().contains("into_make_service_with_connect_info"), "{refused}");
    let open = HttpHistory::new(&format!("http://{address}/open")).unwrap();
    assert_eq!(open.page(Position::START, 100).await.unwrap().messages.len(), 12);
}

/// What is wrong is told as RFC 9457 has it, and what a store says stays at home.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_a_problem() {
    let store = Arc::new(FaultyStore::new(Arc::new(MemoryStore::default())));
    let served = PublicLog::new(Accounts, store.clone());
    let served = Served::new(public_log(served, Access::this_machine())).await;
    for (path, status, says) in [
        ("/events?after=soon", "400 bad request", "`after` is a position"),
        ("/events?after=-1", "400 bad request", "`after` is a position"),
        ("/events?limit=0", "400 bad request", "`limit` is 1 to 10000"),
        ("/events?after=0&limit=10001", "400 bad request", "`limit` is 1 to 10000"),
        ("/events?after=7", "409 conflict", "the log ends at position 0"),
    ] {
        let (head, body) = served.ask(path, "").await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{path}: {head}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        assert!(body.contains(says), "{path}: {body}");
        let read: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
        assert_eq!(
            read["status"].as_u64().map(|code| code.to_string()).as_deref(),
            status.get(..3)
        );
    }
    store.faults().fail_next(Operation::ReadLog, 1, StoreError::Closed);
    let (head, body) = served.ask("/events", "").await;
    assert!(head.starts_with("http/1.1 503") && head.contains("retry-after: 2"), "{head}");
    assert!(body.contains("cannot be read now") && !body.contains("closed"), "{body}");
    let (head, body) = served.ask("/events?unknown=1", "").await;
    assert!(head.contains("annals-next: 0") && head.contains("annals-end: true"), "{head}");
    assert!(head.contains("content-type: application/x-ndjson") && body.is_empty(), "{head}");
}

/// A server that says nothing, and one that is none, keep nobody waiting for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_public_log_is_said() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let history = HttpHistory::new(&format!("http://{address}")).unwrap();
    let history = history.answer_within(Duration::from_millis(100));
    let down = history.page(Position::START, 10).await.expect_err("it says nothing");
    assert!(matches!(down, HistoryError::Down { .. }), "{down:?}");
    assert!(down.to_string().contains("within 100ms"), "{down}");
    let page = Router::new().route("/events", axum::routing::get(async || "hello"));
    let other = Served::new(page).await;
    let refused = other.history().page(Position::START, 10).await.expect_err("it is no log");
    assert!(refused.to_string().contains("is no public log"), "{refused}");
    let nothing = Served::new(Router::new()).await.history();
    let down = nothing.page(Position::START, 10).await.expect_err("nobody listens");
    assert!(matches!(down, HistoryError::Down { .. }), "{down:?}");
    let lost = Served::new(Router::new()).await;
    let refused = lost.history().page(Position::START, 10).await.expect_err("it is not there");
    assert!(refused.to_string().contains("404 Not Found"), "{refused}");
}

/// A page may not take more memory than it was given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_too_large_is_not_taken() {
    let store = MemoryStore::default();
    old_bank(&store, 10).await;
    let served = Served::new(public_log(log_of(&store), Access::this_machine())).await;
    let history = served.history().at_most_bytes(1_500);
    let large = history.page(Position::START, 100).await.expect_err("it is too large");
    assert!(large.to_string().contains("more than 1500 bytes"), "{large}");
    let page = history.page(Position::START, 1).await.expect("one is small enough");
    assert_eq!((page.messages.len(), page.next.get(), page.at_end), (2, 1, false));
}
