//! A call that is given up leaves nothing behind that others wait for.

use annals_outbox::Message;

use crate::brokers::samples::{assert_each_once, message, messages};
use crate::brokers::{Place, Scene, Sender};
use crate::dropped::dropped_after;

/// A call is dropped at each of its awaits, and each time the next one works.
pub async fn a_call_is_dropped_at_each_await(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let mut sent = Vec::new();
    for waits in 0..200 {
        let given_up = message(&format!("given-up-{waits}"), 1);
        let ended = dropped_after(waits, sender.try_send(&given_up)).await;
        let next = message("order-1", waits + 1);
        sender.send(&next).await;
        sent.push(next);
        if let Some(ended) = ended {
            ended.expect("nothing speaks against the message");
            break;
        }
    }
    assert_all_there(&scene, &sender, &place, sent).await;
}

/// Hundreds of calls are dropped at once, as when a partition is taken away.
pub async fn hundreds_are_dropped_at_once(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    for round in 0..5 {
        let calls = (0..200).map(|call| {
            let sender = sender.clone();
            let given_up = message(&format!("given-up-{round}-{call}"), 1);
            tokio::spawn(async move { drop(sender.try_send(&given_up).await) })
        });
        let calls: Vec<_> = calls.collect();
        // Some are on their way by now, others have not begun.
        sender.send(&message("between", round)).await;
        for call in &calls {
            call.abort();
        }
    }
    let sent = messages("order-1", 20);
    sender.send_in_turn(&sent).await;
    assert_all_there(&scene, &sender, &place, sent).await;
}

/// What was sent is there once, in order, whatever became of what was given up.
async fn assert_all_there(scene: &Scene, sender: &Sender, place: &Place, sent: Vec<Message>) {
    sender.send(&message("end", 1)).await;
    let came = scene.reader(place).await.take_until(|came| came.key == "end").await.concat();
    let came: Vec<Message> = came.into_iter().filter(|came| came.key == "order-1").collect();
    assert_each_once(&came, &sent);
}
