//! Stored when it is said, and in the order in which it was said.

use std::collections::BTreeSet;

use crate::brokers::Scene;
use crate::brokers::samples::{assert_each_once, message, messages, messages_of};

/// Each message that was acknowledged is received, by whoever begins to receive later.
pub async fn what_is_acknowledged_is_received(scene: Scene) {
    let place = scene.place(1).await;
    let sent = messages("order-1", 30);
    scene.sender(&place).await.send_in_turn(&sent).await;
    let mut reader = scene.reader(&place).await;
    assert_each_once(&reader.take(sent.len()).await, &sent);
    reader.finish().await;
}

/// Each message is received before the next one is sent: an acknowledgement waits for nothing that comes
/// later.
pub async fn an_acknowledgement_waits_for_no_other_message(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let mut reader = scene.reader(&place).await;
    for sent in messages("order-1", 20) {
        sender.send(&sent).await;
        assert_eq!(reader.take(1).await, [sent]);
    }
    reader.finish().await;
}

/// 200 calls at once, of them 20 of keys of which each waits for its predecessor.
pub async fn order_per_key_with_many_at_once(scene: Scene) {
    let place = scene.place(4).await;
    let mut sent = messages_of(20, 50);
    sent.extend((1..=180).map(|key| message(&format!("alone-{key}"), 1)));
    scene.sender(&place).await.send_by_key(&sent).await;
    let mut reader = scene.reader(&place).await;
    assert_each_once(&reader.take(sent.len()).await, &sent);
    reader.finish().await;
}

/// 300 calls of one publisher at once.
pub async fn hundreds_at_once(scene: Scene) {
    let place = scene.place(1).await;
    let sent: Vec<_> = (1..=300).map(|key| message(&format!("alone-{key}"), key)).collect();
    scene.sender(&place).await.send_by_key(&sent).await;
    let mut reader = scene.reader(&place).await;
    assert_each_once(&reader.take(sent.len()).await, &sent);
    reader.finish().await;
}

/// Two publishers, as two processes have them, send to one place.
pub async fn two_publishers_share_a_place(scene: Scene) {
    let place = scene.place(2).await;
    let (one, two) = (scene.sender(&place).await, scene.sender(&place).await);
    let mine = messages("order-1", 50);
    let theirs = messages("order-2", 50);
    tokio::join!(one.send_in_turn(&mine), two.send_in_turn(&theirs));
    let mut reader = scene.reader(&place).await;
    assert_each_once(&reader.take(100).await, &[mine, theirs].concat());
    reader.finish().await;
}

/// A place does not get what was sent to another.
pub async fn places_are_apart(scene: Scene) {
    let (here, there) = (scene.place(1).await, scene.place(1).await);
    let (mine, theirs) = (messages("order-1", 5), messages("order-1", 5));
    scene.sender(&here).await.send_in_turn(&mine).await;
    scene.sender(&there).await.send_in_turn(&theirs).await;
    let ids = |messages: &[annals_outbox::Message]| -> BTreeSet<String> {
        messages.iter().map(|message| message.id.clone()).collect()
    };
    for (place, sent) in [(here, mine), (there, theirs)] {
        let mut reader = scene.reader(&place).await;
        assert_eq!(ids(&reader.take(5).await), ids(&sent), "of {}", place.name);
        reader.finish().await;
    }
}
