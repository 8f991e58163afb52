//! Who is let in, and by whom.

use annals::outbox::nats::{NatsOptions, NatsPublisher, NatsStream};
use annals::outbox::{Address, PublishError, Published, Publisher, ReceiveError, Source};
use annals_tests::brokers::Nats;

use super::{
    PATIENCE, WHOLE, message, numbers, on_both, open, options, publisher_with, send, source_with,
};

async fn down(options: NatsOptions) -> String {
    let publisher = NatsPublisher::connect(options).await.expect("the options are right");
    let sent = publisher.publish(&Address::new("shop.orders"), &message("1", "k", "{}")).await;
    match sent.expect_err("we are not let in") {
        PublishError::Down { source } => source.to_string(),
        other => panic!("all messages wait: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_not_shown() {
    on_both(async |kind| {
        let server = Nats::start_as(kind.with_user("ann", "right")).await;
        let publisher = publisher_with(options(server.url())).await;
        assert!(!publisher.broker().contains("right"));
        send(&publisher, "shop.orders", [1]).await;

        let wrong = server.url().replace("right", "wrong");
        let why = down(options(&wrong)).await;
        assert!(why.contains("as `ann`") && !why.contains("wrong"), "{why}");
        let source = source_with(options(&wrong), &["shop.>"]).await;
        let why = source.open("mail", WHOLE).await.map(drop).expect_err("we are not let in");
        assert!(why.to_string().contains("as `ann`"), "{why}");
        let nobody = server.url().replace("ann:right@", "");
        assert!(down(options(nobody)).await.contains("without user and password"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_checked() {
    on_both(async |kind| {
        let server = Nats::start_as(kind.with_tls()).await;
        let url = server.url().replace("nats://", "tls://");
        let stream = NatsStream::new("SHOP", ["shop.>"]);
        let trusting = NatsOptions::new(&url).ca_file(server.certificate()).declare(stream.clone());
        let publisher = publisher_with(trusting.clone()).await;
        send(&publisher, "shop.orders", [1]).await;
        let source = source_with(trusting, &["shop.>"]).await;
        let mut receiver = open(&source, "mail").await;
        assert_eq!(numbers(&mut *receiver, 1).await.0, [1]);

        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let other = other.expect("a certificate can be made").cert.pem();
        let file = server.directory().join("other.crt");
        std::fs::write(&file, other).expect("the folder is there");
        let why = down(NatsOptions::new(&url).ca_file(file)).await;
        assert!(why.contains("is not trusted") && why.contains("NatsOptions::ca_file"), "{why}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_may_not_do_is_said_at_once() {
    on_both(async |kind| {
        let denied = r#"publish: { deny: ["shop.secret", "$JS.API.STREAM.MSG.GET.>", "$JS.API.CONSUMER.>"] }"#;
        let server = Nats::start_as(kind.with_user("ann", "right").with_rights(denied)).await;
        let publisher = publisher_with(options(server.url()).answer_within(PATIENCE)).await;
        send(&publisher, "shop.orders", [1]).await;
        let secret = Address::new("shop.secret");
        let error = publisher.publish(&secret, &message("2", "k", "{}")).await;
        let error = error.expect_err("it may not be sent there");
        let PublishError::Missing { why } = error else { panic!("somebody has to allow it: {error:?}") };
        assert!(why.contains("may not publish to `shop.secret`"), "{why}");

        // What cannot be compared counts as what was sent before.
        let again = publisher.publish(&Address::new("shop.orders"), &message("1", "k", "[]")).await;
        assert_eq!(again.expect("it is known"), Published::Repeated);

        let source = source_with(options(server.url()).answer_within(PATIENCE), &["shop.>"]).await;
        let opened = source.open("mail", WHOLE).await.map(drop);
        let Err(ReceiveError::Missing { why }) = opened else { panic!("{opened:?}") };
        assert!(why.contains("CONSUMER"), "{why}");
        send(&publisher, "shop.orders", [3]).await;
    })
    .await;
}
