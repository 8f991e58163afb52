//! Who is let in, and by whom.

use annals::outbox::rabbitmq::{QueueType, RabbitMqOptions};
use annals::outbox::{PublishError, Publisher, Source};
use annals_tests::brokers::{Kind, RabbitMq, RabbitMqKind};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

use super::{WHOLE, ids, message, open, options, plain, publisher, send, source, strict, to};

async fn why_down(options: &RabbitMqOptions) -> String {
    let sent = publisher(options).await.publish(&to("orders"), &message(1, "{}")).await;
    match sent.expect_err("we are not let in") {
        PublishError::Down { source } => source.to_string(),
        other => panic!("all messages wait: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_not_shown() {
    let server = strict().await;
    let publisher = publisher(&options(server.url(), "orders", QueueType::Classic)).await;
    assert!(!publisher.broker().contains("right"));
    send(&publisher, "orders", [1]).await;

    let wrong = plain(server.url().replace("right", "wrong"));
    let why = why_down(&wrong).await;
    assert!(why.contains("`ann`") && why.contains("password"), "{why}");
    assert!(!why.contains("wrong"), "{why}");
    let opened = source(&wrong, &["orders"]).await.open("billing", WHOLE).await.map(drop);
    let why = opened.expect_err("we are not let in").to_string();
    assert!(why.contains("`ann`") && !why.contains("wrong"), "{why}");
    let why = why_down(&plain(server.url().replace("%2f", "elsewhere"))).await;
    assert!(why.contains("vhost") && why.contains("elsewhere"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let (ca, ca_key) = authority();
    let key = KeyPair::generate().expect("a key");
    let names = vec!["localhost".to_owned()];
    let certificate = CertificateParams::new(names).expect("a name").signed_by(&key, &ca, &ca_key);
    let certificate = certificate.expect("it can be signed");
    for (name, pem) in [
        ("ca.pem", ca.pem()),
        ("server.pem", certificate.pem()),
        ("server.key", key.serialize_pem()),
        ("other.pem", authority().0.pem()),
    ] {
        std::fs::write(file(name), pem).expect("it can be written");
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = port.expect("a port is free").port();
    let settings = format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\n\
         ssl_options.cacertfile = {ca}\nssl_options.certfile = {certificate}\n\
         ssl_options.keyfile = {key}\nssl_options.verify = verify_none",
        ca = file("ca.pem").display(),
        certificate = file("server.pem").display(),
        key = file("server.key").display(),
    );
    let _server = RabbitMq::start_as(RabbitMqKind::plain().with_settings(&settings)).await;
    let url = format!("amqps://localhost:{port}/%2f");

    let trusting = options(&url, "orders", QueueType::Quorum).ca_file(file("ca.pem"));
    send(&publisher(&trusting).await, "orders", [1]).await;
    let mut receiver = open(&source(&trusting, &["orders"]).await).await;
    assert_eq!(ids(&mut *receiver, 1).await.0, [1]);

    let why = why_down(&plain(&url).ca_file(file("other.pem"))).await;
    assert!(why.contains("certificate") && why.contains("CA file"), "{why}");
    let by_another_name = url.replace("localhost", "127.0.0.1");
    let why = why_down(&plain(by_another_name).ca_file(file("ca.pem"))).await;
    assert!(why.contains("certificate"), "{why}");
}

fn authority() -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.self_signed(&key).expect("it can be signed"), key)
}
