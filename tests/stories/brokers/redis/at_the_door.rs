//! Passwords, rights and certificates.

use annals_tests::brokers::{Kind, RedisKind};

use super::*;

async fn told(options: RedisOptions) -> PublishError {
    let publisher = publisher(options).await;
    let sent = within(publisher.publish(&Address::new("orders"), &message("order-1", 1))).await;
    sent.expect_err("the server does not let us in")
}

/// A wrong password, and none: told in clear words, without the password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_without_it() {
    let server = Redis::start_as(RedisKind::plain().with_password("secret")).await;
    let address = server.address();
    send(&publisher(RedisOptions::new(server.url())).await, "orders", &messages(1..=1)).await;
    let wrong = format!("redis://default:guessed@{address}");
    let error = told(RedisOptions::new(&wrong)).await;
    let text = down(&error);
    assert!(text.contains("does not know the user or the password"), "{text}");
    assert!(text.contains(&address) && !format!("{error:?}{text}").contains("guessed"), "{text}");
    let text = down(&told(RedisOptions::new(format!("redis://{address}"))).await);
    assert!(text.contains("wants a password (NOAUTH"), "{text}");
    let source = source(&wrong, &["orders"]).await;
    match within(source.open(GROUP, WHOLE)).await {
        Err(ReceiveError::Down { source }) => {
            let text = source.to_string();
            assert!(text.contains("the password") && !text.contains("guessed"), "{text}");
        }
        Err(error) => panic!("nobody is let in: {error:?}"),
        Ok(_) => panic!("nobody is let in"),
    }
    assert_eq!(source.broker(), format!("redis://{address}"));
}

/// A user with rights to some streams: others are missing to it, and its own ones work, with the rights that
/// the documentation names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_needs_few_rights() {
    let server = Redis::start().await;
    let rights = "on >pass resetkeys ~orders* resetchannels &orders* -@all +ping +select +type +script|load \
                  +evalsha +get +set +pexpire +time +publish +xadd +xrange +xlen +xread +xreadgroup +xack \
                  +xclaim +xpending +xinfo +xgroup";
    let words: Vec<&str> =
        ["ACL", "SETUSER", "shop"].into_iter().chain(rights.split(' ')).collect();
    ask(&server.url(), &words).await;
    let url = format!("redis://shop:pass@{}", server.address());
    let publisher = publisher(RedisOptions::new(&url)).await;
    publisher.prepare(&[Address::new("orders")]).await.unwrap();
    send(&publisher, "orders", &messages(1..=3)).await;
    let mut receiver = receiver(&url, "orders").await;
    assert_eq!(take(&mut *receiver, 3).await, messages(1..=3));
    within(receiver.acknowledge(3)).await.unwrap();
    nothing(&mut *receiver).await;
    let error = publisher.publish(&Address::new("invoices"), &message("i", 1)).await.unwrap_err();
    assert!(matches!(error, PublishError::Missing { .. }), "{error:?}");
    assert!(error.to_string().contains("may not do that with `invoices`"), "{error}");
}

/// TLS: only a server whose certificate is signed by whom we trust, under the name that it is called by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_right_server_is_believed() {
    let server = Redis::start().await;
    let folder = server.directory();
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    for (name, text) in [
        ("server.crt", own.cert.pem()),
        ("server.key", own.key_pair.serialize_pem()),
        ("other.crt", other.cert.pem()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    // The plain port becomes the encrypted one.
    let port = server.port().to_string();
    ask(
        &server.url(),
        &[
            "CONFIG",
            "SET",
            "tls-cert-file",
            certificate,
            "tls-key-file",
            key,
            "tls-ca-cert-file",
            certificate,
            "tls-auth-clients",
            "no",
            "port",
            "0",
            "tls-port",
            &port,
        ],
    )
    .await;
    let trusting = |host: &str, file: &str| {
        RedisOptions::new(format!("rediss://{host}:{port}")).ca_file(folder.join(file))
    };
    let publisher = publisher(trusting("localhost", "server.crt")).await;
    send(&publisher, "orders", &messages(1..=3)).await;
    let source =
        RedisSource::connect(trusting("localhost", "server.crt"), ["orders"]).await.unwrap();
    let mut receiver = within(source.open(GROUP, WHOLE)).await.unwrap();
    assert_eq!(take(&mut *receiver, 3).await, messages(1..=3));
    for untrusted in [
        trusting("localhost", "other.crt"),
        trusting("127.0.0.1", "server.crt"),
        RedisOptions::new(format!("rediss://localhost:{port}")),
    ] {
        let text = down(&told(untrusted).await);
        assert!(text.contains("certificate") && text.contains("`ca_file`"), "{text}");
    }
    let text = down(&told(RedisOptions::new(server.url())).await);
    assert!(text.contains("TLS"), "{text}");
}
