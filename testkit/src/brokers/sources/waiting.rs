//! How `receive` waits, and what a call may be given up at.

use std::sync::Arc;
use std::time::Duration;

use annals_outbox::Message;

use crate::brokers::Scene;
use crate::brokers::samples::{assert_each_once, message, messages, messages_of};
use crate::dropped::dropped_after;

/// No call hands out more than it was asked for, and one message is enough.
pub async fn a_limit_is_kept(scene: Scene) {
    let place = scene.place(2).await;
    let sent = messages_of(6, 20);
    scene.sender(&place).await.send_by_key(&sent).await;
    let mut reader = scene.reader(&place).await;
    let mut came = Vec::new();
    // Each answer is checked against what was asked.
    for limit in [1, 1, 7, 2, 50].into_iter().cycle() {
        came.extend(reader.some(limit).await);
        if came.len() >= sent.len() {
            break;
        }
    }
    assert_each_once(&came, &sent);
    reader.finish().await;
}

/// Who waits is woken by a message, and not before.
pub async fn who_waits_is_woken(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let mut reader = scene.reader(&place).await;
    for number in 1..=3 {
        reader.nothing("nothing was sent").await;
        let sent = message("order-1", number);
        let (came, _) = tokio::join!(reader.some(10), sender.send(&sent));
        assert_eq!(came, [sent]);
    }
    reader.finish().await;
}

/// Calls are dropped at each of their awaits and after a short time, while messages come: none is lost, none
/// comes twice, and the numbers have no hole.
pub async fn a_dropped_call_loses_nothing(scene: Scene) {
    let place = scene.place(2).await;
    let sender = scene.sender(&place).await;
    let sent: Arc<[Message]> = messages_of(10, 50).into();
    let sending = tokio::spawn({
        let sent = sent.clone();
        async move { sender.send_by_key(&sent).await }
    });
    let mut reader = scene.reader(&place).await;
    let mut came: Vec<Message> = Vec::new();
    let receiving = async {
        for turn in 0.. {
            let limit = 1 + turn % 7;
            let answer = match turn % 3 {
                0 => dropped_after(turn / 3 % 6, reader.receiver().receive(limit)).await,
                1 => {
                    let time = Duration::from_micros(turn as u64 % 50 * 20);
                    tokio::time::timeout(time, reader.receiver().receive(limit)).await.ok()
                }
                _ => tokio::select! {
                    biased;
                    answer = reader.receiver().receive(limit) => Some(answer),
                    () = tokio::task::yield_now() => None,
                },
            };
            if let Some(answer) = answer {
                let received = answer.unwrap_or_else(|error| panic!("no message comes: {error:?}"));
                came.extend(reader.check(limit, received));
            }
            if came.len() >= sent.len() {
                break;
            }
            // Others get their turn, as in a program that does something between two calls.
            tokio::task::yield_now().await;
        }
    };
    scene.within("all messages come to calls of which many are dropped", receiving).await;
    sending.await.expect("the panic above says which message was not taken");
    assert_each_once(&came, &sent);
    reader.finish().await;
}

/// A call that was dropped while it waited does not keep the next from being woken.
pub async fn a_dropped_wait_hides_no_message(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let mut reader = scene.reader(&place).await;
    for sent in messages("order-1", 20) {
        let waits = tokio::time::timeout(Duration::from_millis(5), reader.receiver().receive(10));
        assert!(waits.await.is_err(), "nothing was sent, so `receive` waits");
        sender.send(&sent).await;
        assert_eq!(reader.some(10).await, [sent]);
    }
    reader.finish().await;
}
