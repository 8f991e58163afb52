//! What was not acknowledged comes again, and what was does not.

use crate::brokers::Scene;
use crate::brokers::samples::{assert_each_once, messages, messages_of, number};

/// A receiver ends without a word: all it had comes to the next, in order and before what is newer.
pub async fn what_was_not_acknowledged_comes_again(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let sent = messages("order-1", 30);
    sender.send_in_turn(&sent[..20]).await;
    let mut first = scene.reader(&place).await;
    assert_eq!(first.take(10).await, sent[..10]);
    drop(first);
    sender.send_in_turn(&sent[20..]).await;
    let mut second = scene.reader(&place).await;
    assert_eq!(second.take(30).await, sent, "all of it comes, in order");
    second.finish().await;
}

/// Of several lanes, each comes again in its order.
pub async fn each_lane_comes_again_in_order(scene: Scene) {
    let place = scene.place(3).await;
    let sender = scene.sender(&place).await;
    let sent = messages_of(12, 10);
    sender.send_by_key(&sent[..60]).await;
    let mut first = scene.reader(&place).await;
    first.take(40).await;
    drop(first);
    sender.send_by_key(&sent[60..]).await;
    let mut second = scene.reader(&place).await;
    assert_each_once(&second.take(sent.len()).await, &sent);
    second.finish().await;
}

/// What was acknowledged does not come again, to nobody.
pub async fn what_was_acknowledged_does_not_come_again(scene: Scene) {
    let place = scene.place(2).await;
    let sender = scene.sender(&place).await;
    let sent = messages_of(6, 10);
    sender.send_by_key(&sent).await;
    let mut first = scene.reader(&place).await;
    first.take(sent.len()).await;
    first.finish().await;
    drop(first);
    let mut second = scene.reader(&place).await;
    second.nothing("all was acknowledged").await;
    let more = messages_of(6, 1);
    sender.send_by_key(&more).await;
    assert_each_once(&second.take(more.len()).await, &more);
    second.finish().await;
}

/// A number acknowledges all up to it, and none behind it.
pub async fn a_prefix_is_acknowledged(scene: Scene) {
    let place = scene.place(1).await;
    let sent = messages("order-1", 20);
    scene.sender(&place).await.send_in_turn(&sent).await;
    let mut first = scene.reader(&place).await;
    first.take(15).await;
    first.acknowledge(3).await;
    first.acknowledge(7).await;
    assert_eq!(first.take(5).await, sent[15..]);
    first.nothing("all was handed out").await;
    drop(first);
    let mut second = scene.reader(&place).await;
    assert_eq!(second.take(13).await, sent[7..], "what is behind the number comes again");
    second.finish().await;
}

/// A prefix over several lanes: of each lane, what has a smaller number is acknowledged.
pub async fn a_prefix_over_several_lanes(scene: Scene) {
    let place = scene.place(3).await;
    let sent = messages_of(12, 10);
    scene.sender(&place).await.send_by_key(&sent).await;
    let mut first = scene.reader(&place).await;
    let came = first.take(sent.len()).await;
    first.acknowledge(70).await;
    first.nothing("all was handed out").await;
    drop(first);
    let mut second = scene.reader(&place).await;
    assert_each_once(&second.take(50).await, &came[70..]);
    second.finish().await;
}

/// A receiver ends again and again, each time a little further on, as a program that keeps crashing.
pub async fn a_receiver_that_keeps_ending_gets_through(scene: Scene) {
    let place = scene.place(1).await;
    let sent = messages("order-1", 20);
    scene.sender(&place).await.send_in_turn(&sent).await;
    let mut acknowledged = 0;
    for _ in 0..5 {
        let mut reader = scene.reader(&place).await;
        let came = reader.take(6).await;
        let first = number(&came[0]);
        assert!(first <= acknowledged + 1, "{first} comes after {acknowledged} was acknowledged");
        let expected = &sent[first - 1..first + 5];
        assert_eq!(came, expected, "in order from the first that comes again");
        reader.acknowledge(3).await;
        acknowledged = first + 2;
        // What was acknowledged a moment ago may come again; what was not has to.
        drop(reader);
        if acknowledged + 6 > sent.len() {
            break;
        }
    }
    let mut last = scene.reader(&place).await;
    let came = last.take_until(|came| number(came) == sent.len()).await.concat();
    assert!(number(&came[0]) <= acknowledged + 1, "nothing is left out");
    last.finish().await;
}
