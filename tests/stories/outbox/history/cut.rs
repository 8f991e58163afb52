//! Answers that are cut somewhere.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals::http::{Access, HttpHistory, public_log};
use annals::outbox::{History, HistoryError, Inbound, MemoryBroker};
use annals::{MemoryStore, Position};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::http::Served;
use super::{all, bank, has, old_bank, public_log as log_of};
use crate::homes::{Home, quick};
use crate::outbox::Customers;

/// Stands between, and hands on so many bytes of the body of each answer.
struct Between {
    address: SocketAddr,
    most: Arc<AtomicUsize>,
    /// How many answers were cut.
    cut: Arc<AtomicUsize>,
}

impl Between {
    /// `tells_length` as servers do; without it the answer ends with the connection.
    async fn before(server: SocketAddr, tells_length: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (most, cut) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(AtomicUsize::new(0)));
        let between = Self { address, most: most.clone(), cut: cut.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let most = most.load(Ordering::SeqCst);
                let handed_on = hand_on(client, server, tells_length, most).await;
                cut.fetch_add(usize::from(handed_on), Ordering::SeqCst);
            }
        });
        between
    }

    fn history(&self) -> HttpHistory {
        HttpHistory::new(&format!("http://{}", self.address)).unwrap()
    }
}

/// Says whether something was held back.
async fn hand_on(
    mut client: TcpStream,
    server: SocketAddr,
    tells_length: bool,
    most: usize,
) -> bool {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        asked.push(client.read_u8().await.unwrap());
    }
    let mut server = TcpStream::connect(server).await.unwrap();
    server.write_all(&asked).await.unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let kept = |line: &&str| tells_length || !line.starts_with("content-length");
    let head: Vec<&str> = head.split("\r\n").filter(kept).collect();
    let given = &body[..most.min(body.len())];
    let answer = format!("{}\r\n\r\n{given}", head.join("\r\n"));
    // Whoever has asked may have gone.
    let _ = client.write_all(answer.as_bytes()).await;
    let _ = client.shutdown().await;
    given.len() < body.len()
}

/// In the middle of a line, and between two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_answer_is_no_answer() {
    let store = MemoryStore::default();
    old_bank(&store, 3).await;
    let served = Served::new(public_log(log_of(&store), Access::this_machine())).await;
    let whole = served.history().page(Position::START, 100).await.unwrap();
    assert_eq!((whole.messages.len(), whole.at_end), (20, true));
    let line = whole.messages[0].1.body.len() + 1;
    for tells_length in [true, false] {
        let between = Between::before(served.address, tells_length).await;
        let history = between.history();
        assert_eq!(history.page(Position::START, 100).await.unwrap(), whole);
        for most in [0, 1, line - 1, line, line + 1, 5 * line] {
            between.most.store(most, Ordering::SeqCst);
            let cut = history.page(Position::START, 100).await.expect_err("something is missing");
            assert!(matches!(cut, HistoryError::Down { .. }), "{most}: {cut:?}");
        }
    }
}

/// A copy whose owner's answers are cut asks again, and has everything once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_asks_again_for_what_was_cut() {
    Home::each(|home| async move {
        let (store, broker) = (MemoryStore::default(), MemoryBroker::default());
        old_bank(&store, 10).await;
        let bank = bank(&store, &broker).await;
        let served = Served::new(public_log(log_of(&store), Access::this_machine())).await;
        let between = Between::before(served.address, false).await;
        between.most.store(700, Ordering::SeqCst);
        let inbound = Inbound::new("taxes", broker.source(["accounts"]));
        let inbound = inbound.history(Arc::new(between.history()));
        let copy = home.program().await.project_from(&inbound, Customers);
        let copy = copy.engine_options(quick()).start().await.unwrap();
        crate::outbox::services::wait(async || between.cut.load(Ordering::SeqCst) >= 3).await;
        assert_eq!(copy.read::<super::Customer>().count().await.unwrap(), 0);
        between.most.store(usize::MAX, Ordering::SeqCst);
        has(&copy, |account| all(account, 10)).await;
        copy.shutdown().await;
        bank.shutdown().await;
    })
    .await;
}
