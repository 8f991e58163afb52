//! A queue is one group, a topic is several.

use crate::brokers::Scene;
use crate::brokers::samples::{assert_each_once, messages, messages_of};
use crate::brokers::scene::WHOLE;

/// Each group gets every message.
pub async fn each_group_gets_everything(scene: Scene) {
    let place = scene.place_for(2, &["billing", "shipping", "stock"]).await;
    let sent = messages_of(6, 10);
    scene.sender(&place).await.send_by_key(&sent).await;
    for group in &place.groups {
        let source = scene.source(&place).await;
        let mut reader = scene.open(&*source, group, WHOLE).await;
        assert_each_once(&reader.take(sent.len()).await, &sent);
        reader.finish().await;
    }
}

/// What one group acknowledges, or does not, is nothing to another.
pub async fn groups_are_independent(scene: Scene) {
    let place = scene.place_for(1, &["billing", "shipping"]).await;
    let source = scene.source(&place).await;
    let sender = scene.sender(&place).await;
    let sent = messages("order-1", 20);
    let mut billing = scene.open(&*source, "billing", WHOLE).await;
    let mut shipping = scene.open(&*source, "shipping", WHOLE).await;
    sender.send_in_turn(&sent[..10]).await;
    assert_eq!(billing.take(10).await, sent[..10]);
    billing.finish().await;
    assert_eq!(shipping.take(10).await, sent[..10]);
    drop((billing, shipping));
    // One source opens the same group again and again.
    let mut billing = scene.open(&*source, "billing", WHOLE).await;
    let mut shipping = scene.open(&*source, "shipping", WHOLE).await;
    sender.send_in_turn(&sent[10..]).await;
    assert_eq!(shipping.take(20).await, sent, "it has acknowledged nothing");
    assert_eq!(billing.take(10).await, sent[10..], "it has acknowledged the first ten");
    shipping.finish().await;
    billing.finish().await;
}
