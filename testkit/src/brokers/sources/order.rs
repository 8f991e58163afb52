//! Each lane in order, each message once.

use std::sync::Arc;

use annals_outbox::Message;

use crate::brokers::Scene;
use crate::brokers::samples::{assert_each_once, message, messages, messages_of};
use crate::brokers::scene::{GROUP, WHOLE};

/// One lane is one order, over all its keys.
pub async fn a_lane_keeps_its_order(scene: Scene) {
    let place = scene.place(1).await;
    let sent = messages_of(3, 30);
    scene.sender(&place).await.send_in_turn(&sent).await;
    let mut reader = scene.reader(&place).await;
    assert_eq!(reader.take(sent.len()).await, sent);
    reader.finish().await;
}

/// Over several lanes, each key keeps its order, and none is left out.
pub async fn several_lanes_are_received_at_once(scene: Scene) {
    let place = scene.place(4).await;
    let sent = messages_of(20, 30);
    scene.sender(&place).await.send_by_key(&sent).await;
    let mut reader = scene.reader(&place).await;
    assert_each_once(&reader.take(sent.len()).await, &sent);
    reader.finish().await;
}

/// Receiving and sending at once: nothing is lost and nothing comes twice where the two meet.
pub async fn messages_come_while_others_are_sent(scene: Scene) {
    let place = scene.place(2).await;
    let sender = scene.sender(&place).await;
    let sent: Arc<[Message]> = messages_of(10, 50).into();
    let sending = tokio::spawn({
        let sent = sent.clone();
        async move { sender.send_by_key(&sent).await }
    });
    let mut reader = scene.reader(&place).await;
    let mut came = Vec::new();
    while came.len() < sent.len() {
        came.extend(reader.some(sent.len() - came.len()).await);
        reader.acknowledge(reader.last()).await;
    }
    sending.await.expect("the panic above says which message was not taken");
    assert_each_once(&came, &sent);
    reader.finish().await;
}

/// A lane that is silent holds up no other.
pub async fn a_silent_lane_holds_up_no_other(scene: Scene) {
    let place = scene.place(4).await;
    let mut reader = scene.reader(&place).await;
    let sender = scene.sender(&place).await;
    for number in 1..=10 {
        let sent = message("order-1", number);
        sender.send(&sent).await;
        assert_eq!(reader.take(1).await, [sent]);
    }
    reader.finish().await;
}

/// What a source says about itself: where it is, without a password, and what it receives.
pub async fn a_source_says_what_it_is(scene: Scene) {
    let place = scene.place(2).await;
    let source = scene.source(&place).await;
    assert!(!source.broker().is_empty(), "people know the broker by something");
    let origin = source.origin();
    assert!(origin.contains(&place.name), "`{origin}` does not name `{}`", place.name);
    let publisher = scene.publisher().await;
    assert_eq!(publisher.broker(), source.broker(), "both name the same broker");
    scene.sender(&place).await.send_in_turn(&messages("order-1", 1)).await;
    scene.open(&*source, GROUP, WHOLE).await.take(1).await;
}
