//! Another process goes on with a part while the first one still believes that it has it.

use crate::brokers::Scene;
use crate::brokers::samples::{messages, show_all};

/// What the first has not acknowledged comes to the second, in order and before what is newer, although the
/// first is still there.
pub async fn the_next_begins_where_the_last_acknowledged(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let sent = messages("order-1", 30);
    sender.send_in_turn(&sent[..20]).await;
    let mut first = scene.reader(&place).await;
    assert_eq!(first.take(15).await, sent[..15]);
    first.acknowledge(5).await;
    assert_eq!(first.take(5).await, sent[15..20]);
    first.nothing("all was handed out").await;
    let mut second = scene.reader(&place).await;
    sender.send_in_turn(&sent[20..]).await;
    assert_eq!(second.take(25).await, sent[5..], "from behind what was acknowledged");
    second.finish().await;
    drop(first);
}

/// What the first acknowledges when it comes back moves nothing: all of it comes to the successor of the
/// second.
pub async fn an_old_acknowledgement_moves_nothing(scene: Scene) {
    let place = scene.place(1).await;
    let sent = messages("order-1", 10);
    scene.sender(&place).await.send_in_turn(&sent).await;
    let mut first = scene.reader(&place).await;
    assert_eq!(first.take(10).await, sent);
    let mut second = scene.reader(&place).await;
    assert_eq!(second.take(10).await, sent);
    // Whether it is told is the broker's.
    drop(first.try_acknowledge(10).await);
    second.nothing("all was handed out").await;
    drop(second);
    let mut third = scene.reader(&place).await;
    assert_eq!(third.take(10).await, sent, "nothing was acknowledged by who may");
    third.finish().await;
    drop(first);
}

/// The first one's end gives nothing back that the second has, and takes nothing from it.
pub async fn the_end_of_the_old_one_disturbs_nobody(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let sent = messages("order-1", 20);
    sender.send_in_turn(&sent[..10]).await;
    let mut first = scene.reader(&place).await;
    assert_eq!(first.take(10).await, sent[..10]);
    let mut second = scene.reader(&place).await;
    assert_eq!(second.take(10).await, sent[..10]);
    drop(first);
    second.nothing("the second has had all").await;
    sender.send_in_turn(&sent[10..]).await;
    assert_eq!(second.take(10).await, sent[10..]);
    second.finish().await;
    drop(second);
    let mut third = scene.reader(&place).await;
    third.nothing("the second has acknowledged all").await;
}

/// The first one goes on receiving and acknowledging: what it gets is taken from nobody, and it does not
/// become the one that may.
pub async fn an_old_receiver_takes_nothing_away(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let sent = messages("order-1", 40);
    sender.send_in_turn(&sent[..20]).await;
    let mut first = scene.reader(&place).await;
    first.take(5).await;
    let mut second = scene.reader(&place).await;
    let mut came = second.take(10).await;
    for more in sent[20..].chunks(5) {
        sender.send_in_turn(more).await;
        // It gets messages, waits, or is told that it is gone.
        let time = scene.abilities().acknowledged_within;
        let old = tokio::time::timeout(time, first.receiver().receive(10)).await;
        if let Ok(Ok(received)) = old
            && let Some(last) = received.last()
        {
            drop(first.try_acknowledge(last.number).await);
        }
        came.extend(second.take(5).await);
    }
    came.extend(second.take(10).await);
    assert_eq!(came, sent, "came {}", show_all(&came));
    drop(second);
    let mut third = scene.reader(&place).await;
    assert_eq!(third.take(40).await, sent, "nothing was acknowledged by who may");
    third.finish().await;
}

/// Ten receivers in a row, each taking over from one that is still there.
pub async fn many_take_over_in_a_row(scene: Scene) {
    let place = scene.place(2).await;
    let sender = scene.sender(&place).await;
    let mut old = Vec::new();
    let sent = messages("order-1", 10);
    sender.send_in_turn(&sent).await;
    for _ in 0..10 {
        let mut reader = scene.reader(&place).await;
        assert_eq!(reader.take(10).await, sent);
        old.push(reader);
    }
    let last = old.last_mut().expect("there were ten");
    last.finish().await;
    old.clear();
    scene.reader(&place).await.nothing("the last one has acknowledged all").await;
}
