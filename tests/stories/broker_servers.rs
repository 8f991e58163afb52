//! The brokers that other stories break do break, and come back with what they kept.

mod kafka;
mod nats;
mod rabbitmq;
mod redis;

use std::time::Duration;

use annals_tests::brokers::{Kind, Redis, Server, fresh_name};
use annals_tests::servers::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long nothing is waited for where nothing comes, and how long an answer may take.
const SILENCE: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that has been told to `keep` something at some `host:port` still has it, whatever happens to
/// its process, and leaves nothing behind.
async fn comes_back<K: Kind>(
    mut server: Server<K>,
    keep: impl AsyncFn(&str),
    has_kept: impl AsyncFn(&str),
) {
    let (url, address) = (server.url(), server.address());
    keep(&address).await;

    server.kill();
    assert!(TcpStream::connect(&address).await.is_err(), "nobody listens any more");
    server.restart().await;
    assert_eq!(server.url(), url);
    has_kept(&address).await;

    server.freeze();
    assert!(timeout(SILENCE, has_kept(&address)).await.is_err(), "no answer and no error");
    server.thaw();
    timeout(PATIENCE, has_kept(&address)).await.expect("it goes on");

    server.stop();
    assert!(TcpStream::connect(&address).await.is_err(), "nobody listens any more");
    server.restart().await;
    has_kept(&address).await;

    let directory = server.directory().to_owned();
    assert!(directory.exists());
    drop(server);
    assert!(!directory.exists());
    assert!(TcpStream::connect(&address).await.is_err(), "nobody listens any more");
}

/// The shared server is one, and lets us in.
async fn is_shared<K: Kind>() {
    let url = Server::<K>::shared().await;
    assert_eq!(Server::<K>::shared().await, url);
    let host = url.rsplit(['@', '/']).find(|part| part.contains(':')).expect("a host and a port");
    TcpStream::connect(host).await.expect("somebody listens");
}

/// Whether a server lets in whom it was started for, and nobody who says nothing.
async fn lets_in_whom_it_knows<K: Kind>(kind: K) {
    let server = Server::start_as(kind).await;
    let stranger = &mut TcpStream::connect(server.address()).await.expect("it listens");
    let refused = timeout(PATIENCE, K::greet(stranger, None)).await.expect("it answers");
    assert!(refused.is_err(), "{}", server.url());
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let mut server = Redis::start().await;
    server.kill();
    let occupied = TcpListener::bind(server.address()).await.expect("the port is free now");
    let hanging_up = tokio::spawn(async move {
        while let Ok((stream, _)) = occupied.accept().await {
            drop(stream);
        }
    });
    let started = tokio::spawn(async move { server.restart().await }).await;
    let panic = started.expect_err("it does not start").into_panic();
    let said = panic.downcast_ref::<String>().expect("a message");
    assert!(said.contains("ended before it was ready"), "{said}");
    assert!(said.contains("in use"), "{said}");
    hanging_up.abort();
}

#[tokio::test]
async fn a_network_breaks_in_front_of_a_broker() {
    let server = Redis::start().await;
    let proxy = Proxy::to(server.address()).await;
    let mut answer = [0; 7];

    let mut first = TcpStream::connect(proxy.address()).await.expect("the proxy listens");
    first.write_all(b"PING\r\n").await.expect("it is carried");
    first.read_exact(&mut answer).await.expect("so is the answer");
    proxy.cut();
    let cut = timeout(PATIENCE, first.read(&mut answer)).await.expect("it is told");
    assert!(cut.is_err(), "it was reset");

    let mut second = TcpStream::connect(proxy.address()).await.expect("a new one works");
    second.write_all(b"PING\r\n").await.expect("it is carried");
    second.read_exact(&mut answer).await.expect("so is the answer");
    proxy.forsake();
    second.write_all(b"PING\r\n").await.expect("nobody says that it goes nowhere");
    assert!(timeout(SILENCE, second.read(&mut answer)).await.is_err(), "no answer and no error");
}

#[test]
fn names_are_fresh() {
    assert_ne!(fresh_name("orders"), fresh_name("orders"));
}
