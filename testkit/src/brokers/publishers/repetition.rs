//! At least once: what is in doubt is sent again.

use annals_outbox::{Message, PublishError};

use crate::brokers::Scene;
use crate::brokers::samples::{absorbed, messages, number, show_all};

/// A message that is sent again is there at least once, and before what follows it.
pub async fn the_same_message_twice(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let sent = messages("order-1", 20);
    for message in &sent {
        sender.send(message).await;
        sender.send(message).await;
    }
    let mut reader = scene.reader(&place).await;
    let came = reader.take_until(|came| number(came) == 20).await.concat();
    let numbers: Vec<usize> = came.iter().map(number).collect();
    assert_eq!(absorbed(&numbers), (1..=20).collect::<Vec<_>>(), "came {numbers:?}");
    assert!(numbers.is_sorted(), "each comes before what follows it: {numbers:?}");
}

/// A message whose id was used for another is either refused or there: it is never taken for a repetition.
pub async fn an_id_with_another_body_is_not_lost(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let mut sent = messages("order-1", 3);
    sent[1].id = sent[0].id.clone();
    sender.send(&sent[0]).await;
    let second = sender.try_send(&sent[1]).await;
    sender.send(&sent[2]).await;
    let mut reader = scene.reader(&place).await;
    let came: Vec<Message> = reader.take_until(|came| number(came) == 3).await.concat();
    match second {
        Ok(said) => {
            assert_eq!(came, sent, "{said:?} was said, so it is there: {}", show_all(&came))
        }
        Err(PublishError::Refused { why }) => {
            assert!(why.contains(&sent[1].id), "the id is not named: {why}");
            assert_eq!(came, [sent[0].clone(), sent[2].clone()], "the others are there");
        }
        Err(error) => panic!("sending it again would not help: {error:?}"),
    }
}
