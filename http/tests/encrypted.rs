//! History over TLS.

use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;
use annals_http::HttpHistory;
use annals_outbox::{History, HistoryError};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An empty log.
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nannals-next: 0\r\n\
    annals-end: true\r\nannals-events: 0\r\ncontent-length: 0\r\n\r\n";

/// A service that answers over TLS, and the certificate that it shows.
async fn service() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a name");
    let certificate = made.cert.pem();
    let key = PrivateKeyDer::try_from(made.key_pair.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a certificate and its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // One that does not trust the certificate hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                asked.push(byte);
            }
            let _ = stream.write_all(ANSWER).await;
            let _ = stream.shutdown().await;
        }
    });
    (port, certificate)
}

#[tokio::test]
async fn a_server_is_trusted_by_its_certificate_only() {
    let (port, certificate) = service().await;
    let directory = tempfile::tempdir().expect("there is room");
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, certificate).expect("there is room");
    let history = |host: &str| {
        let history = HttpHistory::new(&format!("https://{host}:{port}")).expect("it is a URL");
        let history = history.ca_file(&file).expect("it is a certificate");
        history.answer_within(Duration::from_secs(10))
    };
    let page = history("localhost").page(Position::START, 10).await.expect("it is trusted");
    assert!(page.at_end);
    // The certificate is another's.
    let down = history("127.0.0.1").page(Position::START, 10).await.expect_err("not that name");
    assert!(matches!(down, HistoryError::Down { .. }), "{down:?}");
    assert!(down.to_string().contains("certificate"), "{down}");
    let (_, other) = service().await;
    std::fs::write(&file, other).expect("there is room");
    let down = history("localhost").page(Position::START, 10).await.expect_err("unknown");
    assert!(down.to_string().contains("certificate"), "{down}");
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("there is room");
    let history = HttpHistory::new("https://localhost").expect("it is a URL");
    let refused = history.ca_file(file.path()).expect_err("it is empty").to_string();
    assert!(refused.contains("no certificate is in it"), "{refused}");
}
