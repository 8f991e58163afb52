//! A broker that is down is told, and then it goes on.

use annals_outbox::{Message, ReceiveError};

use crate::brokers::Scene;
use crate::brokers::samples::{
    absorbed, assert_each_once, by_key, message, messages, messages_of, number, show_all,
};
use crate::brokers::scene::{GROUP, WHOLE};

/// Who waits is told that the broker is down; when it is back, the same receiver goes on: what was not
/// acknowledged comes again, before what is newer, and the numbers go on.
pub async fn a_receiver_goes_on_after_an_outage(scene: Scene) {
    if !scene.can_stop() {
        return;
    }
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let sent = messages("order-1", 20);
    sender.send_in_turn(&sent[..10]).await;
    let mut reader = scene.reader(&place).await;
    assert_eq!(reader.take(10).await, sent[..10]);
    reader.acknowledge(4).await;
    reader.nothing("all was handed out").await;
    let (_, ()) = tokio::join!(reader.down(), scene.stop());
    // Once may be chance: it stays down, and says so each time.
    reader.down().await;
    scene.start().await;
    for message in &sent[10..] {
        sender.send_at_last(message, || ()).await;
    }
    let runs = reader.take_until(|came| number(came) == 20).await;
    let came: Vec<usize> = runs.concat().iter().map(number).collect();
    for unacknowledged in 5..=20 {
        assert!(came.contains(&unacknowledged), "{unacknowledged} comes again: {came:?}");
    }
    let numbers = absorbed(&came);
    assert!(numbers.is_sorted(), "what comes again comes before what is newer: {came:?}");
    reader.finish().await;
    drop(reader);
    scene.reader(&place).await.nothing("all was acknowledged").await;
}

/// The server is stopped and started while messages come and are acknowledged.
pub async fn an_outage_in_the_middle_loses_nothing(scene: Scene) {
    if !scene.can_stop() {
        return;
    }
    let place = scene.place(3).await;
    let sender = scene.sender(&place).await;
    let sent = messages_of(12, 30);
    sender.send_by_key(&sent).await;
    let mut reader = scene.reader(&place).await;
    let mut came = Vec::new();
    while came.len() < 100 {
        came.extend(reader.some(7).await);
        // The first call may have brought fewer.
        if let Some(done @ 1..) = reader.last().checked_sub(3) {
            reader.acknowledge(done).await;
        }
    }
    let acknowledged = (reader.last() - 3) as usize;
    scene.stop().await;
    scene.start().await;
    let mut missing: Vec<&Message> =
        sent.iter().filter(|sent| !came[..acknowledged].contains(sent)).collect();
    let runs = reader.take_until(|one| {
        missing.retain(|missing| missing.id != one.id);
        // What was handed out before may not come again, where the broker was not missed at all.
        missing.iter().all(|missing| came.contains(missing))
    });
    let runs = runs.await;
    let all = [came, runs.concat()].concat();
    for (key, numbers) in by_key(&sent) {
        let came = by_key(&all).remove(key).unwrap_or_default();
        assert_eq!(absorbed(&came), numbers, "of `{key}` came {came:?}");
    }
}

/// An acknowledgement that was made while the broker was down counts with the next one that works, also for
/// lanes that are silent since. Where acknowledgements belong to a connection its messages may come again: then
/// each key goes on in order to its end, and is acknowledged with the rest.
pub async fn an_acknowledgement_in_an_outage_is_not_forgotten(scene: Scene) {
    if !scene.can_stop() {
        return;
    }
    let place = scene.place(4).await;
    let sender = scene.sender(&place).await;
    let sent = messages_of(20, 2);
    sender.send_by_key(&sent).await;
    let mut reader = scene.reader(&place).await;
    assert_each_once(&reader.take(sent.len()).await, &sent);
    scene.stop().await;
    // It may be kept for later, or told that the broker is down.
    drop(reader.try_acknowledge(reader.last()).await);
    scene.start().await;
    let last = message("order-1", 3);
    sender.send_at_last(&last, || ()).await;
    let runs = reader.take_until(|came| came.id == last.id).await;
    if !scene.abilities().acknowledges_later {
        // Of the last connection, and of other lanes perhaps behind the message that was waited for.
        let again = [runs.last().cloned().unwrap_or_default(), reader.rest().await].concat();
        for (key, came) in by_key(&again) {
            let all = if key == "order-1" { vec![1, 2, 3] } else { vec![1, 2] };
            let is_rest = all.ends_with(&absorbed(&came));
            assert!(is_rest, "of `{key}` comes the rest again, in its order: {came:?}");
        }
    }
    reader.finish().await;
    drop(reader);
    scene.reader(&place).await.nothing("all was acknowledged").await;
}

/// A part can be opened for the first time after an outage, by a source that was made before it.
pub async fn a_source_opens_after_an_outage(scene: Scene) {
    if !scene.can_stop() {
        return;
    }
    let place = scene.place(1).await;
    let sent = messages("order-1", 5);
    scene.sender(&place).await.send_in_turn(&sent).await;
    scene.stop().await;
    let source =
        scene.within("a source is there while the broker is down", scene.source(&place)).await;
    let opening = source.open(GROUP, WHOLE);
    match scene.within("opening ends by itself", opening).await {
        Ok(receiver) => drop(receiver),
        Err(ReceiveError::Down { .. }) => {}
        Err(error) => panic!("an outage is told as one: {error:?}"),
    }
    scene.start().await;
    let mut reader = scene.reader_at_last(&place).await;
    let runs = reader.take_until(|came| number(came) == 5).await;
    let came = runs.last().cloned().unwrap_or_default();
    assert_eq!(came, sent, "came {}", show_all(&came));
}
