//! A broker that is down delays, and loses nothing that it has acknowledged.

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_outbox::{Message, PublishError};
use tokio::sync::{Semaphore, watch};

use crate::brokers::samples::{absorbed, by_key, message, messages, messages_of};
use crate::brokers::{Place, Scene, Sender};

/// Who sends to a broker that is down is told within the limit; when it is back, the same publisher works,
/// and everything is there.
pub async fn an_outage_is_told_and_ends(scene: Scene) {
    if !scene.can_stop() {
        return;
    }
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let sent = messages("order-1", 20);
    sender.send_in_turn(&sent[..10]).await;
    scene.stop().await;
    for _ in 0..2 {
        match sender.try_send(&sent[10]).await {
            Err(PublishError::Down { .. } | PublishError::InDoubt { .. }) => {}
            other => panic!("the broker is stopped: {other:?}"),
        }
    }
    let publisher = scene.publisher();
    let publisher = scene.within("a publisher starts while the broker is down", publisher).await;
    let places = [scene.address(&place, "order-1")];
    match scene.within("places are proved", publisher.prepare(&places)).await {
        Err(PublishError::Down { .. }) => {}
        other => panic!("what is there cannot be known now: {other:?}"),
    }
    scene.start().await;
    for message in &sent[10..] {
        sender.send_at_last(message, || ()).await;
    }
    let second = Sender { publisher, ..sender };
    let last = message("order-2", 1);
    second.send_at_last(&last, || ()).await;
    assert_all_there(&scene, &place, &[sent, vec![last]].concat()).await;
}

/// The server is stopped and started under load; each key sends again what it is not sure of before what
/// follows.
pub async fn nothing_acknowledged_is_lost(scene: Scene) {
    if !scene.can_stop() {
        return;
    }
    let place = scene.place(2).await;
    let sender = scene.sender(&place).await;
    let sent = messages_of(20, 40);
    let acknowledged = Arc::new(watch::Sender::new(0));
    let failed = Arc::new(watch::Sender::new(0));
    // The last tenth waits until the server is stopped, so that the outage is in the middle.
    let stopped = Arc::new(Semaphore::new(0));
    let sending = (1..=20).map(|key| {
        let key = format!("order-{key}");
        let mine: Vec<Message> = sent.iter().filter(|sent| sent.key == key).cloned().collect();
        let (sender, stopped) = (sender.clone(), stopped.clone());
        let (acknowledged, failed) = (acknowledged.clone(), failed.clone());
        tokio::spawn(async move {
            for (place, message) in mine.iter().enumerate() {
                if place == 36 {
                    drop(stopped.acquire().await.expect("nobody closes it"));
                }
                sender.send_at_last(message, || failed.send_modify(|count| *count += 1)).await;
                acknowledged.send_modify(|count| *count += 1);
            }
        })
    });
    let sending: Vec<_> = sending.collect();
    let at_least = async |counter: &watch::Sender<usize>, count: usize, what: &str| {
        let mut counter = counter.subscribe();
        let reached = counter.wait_for(|reached| *reached >= count);
        scene.within(what, reached).await.expect("this case holds the counter");
    };
    at_least(&acknowledged, 100, "100 messages are acknowledged").await;
    scene.stop().await;
    stopped.add_permits(20);
    at_least(&failed, 20, "all of them notice that the broker is down").await;
    scene.start().await;
    for sending in sending {
        sending.await.expect("the panic above says which message was not taken");
    }
    assert_all_there(&scene, &place, &sent).await;
}

/// Everything that was sent is there, in the order of each key, once repetitions are absorbed.
async fn assert_all_there(scene: &Scene, place: &Place, sent: &[Message]) {
    let mut missing: BTreeSet<&str> = sent.iter().map(|sent| sent.id.as_str()).collect();
    let mut reader = scene.reader_at_last(place).await;
    let came = reader.take_until(|came| {
        missing.remove(came.id.as_str());
        missing.is_empty()
    });
    let came = came.await.concat();
    for (key, sent) in by_key(sent) {
        let came = by_key(&came).remove(key).unwrap_or_default();
        assert_eq!(absorbed(&came), sent, "of `{key}` came {came:?}");
    }
}
