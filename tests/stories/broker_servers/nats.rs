use annals_tests::brokers::{Kind, Nats, NatsKind};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

/// What JetStream answers to a request.
async fn answer(address: &str, subject: &str, payload: &str) -> String {
    let stream = TcpStream::connect(address).await.expect("it listens");
    let mut lines = BufReader::new(stream).lines();
    let info = next(&mut lines).await;
    assert!(info.starts_with("INFO {"), "{info}");
    let request = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB answers 1\r\nPUB {subject} answers {}\r\n{payload}\r\n",
        payload.len()
    );
    lines.get_mut().write_all(request.as_bytes()).await.expect("it reads");
    let head = next(&mut lines).await;
    assert!(head.starts_with("MSG answers 1 "), "{head}");
    next(&mut lines).await
}

async fn next(lines: &mut Lines<BufReader<TcpStream>>) -> String {
    lines.next_line().await.expect("it answers").expect("it does not hang up")
}

async fn keep(address: &str) {
    let settings = r#"{"name":"notes","subjects":["notes"],"storage":"file"}"#;
    let made = answer(address, "$JS.API.STREAM.CREATE.notes", settings).await;
    assert!(!made.contains("error"), "{made}");
    let stored = answer(address, "notes", "kept").await;
    assert!(stored.contains(r#""seq":1"#), "{stored}");
}

async fn has_kept(address: &str) {
    let stream = answer(address, "$JS.API.STREAM.INFO.notes", "").await;
    assert!(stream.contains(r#""messages":1"#), "{stream}");
}

#[tokio::test]
async fn nats_comes_back() {
    super::comes_back(Nats::start().await, keep, has_kept).await;
}

#[tokio::test]
async fn the_newest_nats_comes_back() {
    let server = Nats::start_as(NatsKind::plain().newest()).await;
    super::comes_back(server, keep, has_kept).await;
}

#[tokio::test]
async fn nats_asks_for_a_password() {
    super::lets_in_whom_it_knows(NatsKind::plain().with_user("ann", "secret")).await;
}

#[tokio::test]
async fn nats_with_tls_says_so() {
    let server = Nats::start_as(NatsKind::plain().newest().with_tls()).await;
    let stream = TcpStream::connect(server.address()).await.expect("it listens");
    let info = next(&mut BufReader::new(stream).lines()).await;
    assert!(info.contains(r#""tls_required":true"#), "{info}");
    let certificate = std::fs::read_to_string(server.certificate()).expect("it is there");
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"), "{certificate}");
}

#[tokio::test]
async fn nats_is_shared() {
    super::is_shared::<NatsKind>().await;
}
