//! What a broker does not take, in clear words.

use annals_outbox::{Address, Message, PublishError};

use crate::brokers::Scene;
use crate::brokers::samples::{assert_each_once, message, messages, number};
use crate::brokers::scene::{GROUP, PAUSE};

/// A message that is too large is refused with its size and the limit, and holds up no other.
pub async fn a_message_that_is_too_large_is_refused(scene: Scene) {
    let most = scene.abilities().most_bytes;
    if !scene.can(most.is_some(), "it takes messages of any size") {
        return;
    }
    let most = most.unwrap_or_default();
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let sent = messages("order-1", 3);
    sender.send(&sent[0]).await;
    for bytes in [most + 1, most * 2] {
        let large = Message { body: vec![b'x'; bytes].into(), ..message("order-1", 0) };
        match sender.try_send(&large).await {
            Err(PublishError::Refused { why }) => assert_says(&why, bytes, most),
            other => panic!("{bytes} bytes are more than {most}, so they are refused: {other:?}"),
        }
        // Those beside it do not suffer, as they would if the connection went with it.
        let beside = message("order-2", 1);
        let (refused, taken) = tokio::join!(sender.try_send(&large), sender.try_send(&beside));
        assert!(matches!(refused, Err(PublishError::Refused { .. })), "again: {refused:?}");
        match taken {
            // What was under way when the broker hung up is in doubt, and is sent again.
            Ok(_) => {}
            Err(PublishError::InDoubt { .. } | PublishError::Down { .. }) => {
                sender.send_at_last(&beside, || ()).await;
            }
            Err(error) => panic!("another message is at fault: {error:?}"),
        }
    }
    for next in &sent[1..] {
        sender.send_at_last(next, || ()).await;
    }
    let mut reader = scene.reader(&place).await;
    let runs = reader.take_until(|came| came.key == "order-1" && number(came) == 3).await;
    let came: Vec<Message> = runs.concat().into_iter().filter(|m| m.key == "order-1").collect();
    assert_each_once(&came, &sent);
}

/// The words name the size of the message, which may count more than its body, and the limit.
fn assert_says(why: &str, bytes: usize, most: usize) {
    let plain: String = why.chars().filter(|c| !matches!(c, ',' | '_' | '\u{202f}')).collect();
    let numbers = plain.split(|c: char| !c.is_ascii_digit());
    let numbers: Vec<usize> = numbers.filter_map(|number| number.parse().ok()).collect();
    assert!(numbers.contains(&most), "the limit of {most} bytes is not named: {why}");
    let size = numbers.iter().any(|number| *number >= bytes && *number < bytes + 64 * 1024);
    assert!(size, "the size of at least {bytes} bytes is not named: {why}");
}

/// The largest message that is promised to fit does.
pub async fn a_message_just_below_the_limit_is_taken(scene: Scene) {
    let most = scene.abilities().most_bytes;
    if !scene.can(most.is_some(), "it takes messages of any size") {
        return;
    }
    let body = vec![b'x'; most.unwrap_or_default() - 8 * 1024];
    let large = Message { body: body.into(), ..message("order-1", 0) };
    let place = scene.place(1).await;
    scene.sender(&place).await.send(&large).await;
    let came = scene.reader(&place).await.take(1).await;
    assert!(came[0] == large, "it comes as it was sent");
}

/// A place that nobody made is missing, by its name, and works once somebody has made it.
pub async fn a_place_that_is_not_there_is_missing(scene: Scene) {
    if !scene.can(scene.abilities().missing, "a place comes to be with its first message") {
        return;
    }
    let place = scene.unmade(1, &[GROUP]);
    let sender = scene.sender(&place).await;
    let sent = message("order-1", 1);
    match sender.try_send(&sent).await {
        Err(PublishError::Missing { why }) => assert_names(&why, &scene.address(&place, "order-1")),
        other => panic!("nobody has made the place, so it is missing: {other:?}"),
    }
    scene.make(&place).await;
    let made = async {
        // Clients remember for a while what was not there.
        while let Err(error) = sender.try_send(&sent).await {
            let missing = matches!(error, PublishError::Missing { .. });
            assert!(missing, "the place has been made: {error:?}");
            tokio::time::sleep(PAUSE).await;
        }
    };
    scene.within("the same publisher finds the place that was made", made).await;
    let came = scene.reader(&place).await.take(1).await;
    assert_eq!(came, [sent]);
}

/// A publisher can be asked before it sends whether its places are there.
pub async fn places_are_proved_at_the_start(scene: Scene) {
    let place = scene.place(1).await;
    let publisher = scene.publisher().await;
    let there = scene.address(&place, "order-1");
    let prepared =
        scene.within("places are proved", publisher.prepare(std::slice::from_ref(&there)));
    prepared.await.expect("the place is there");
    if !scene.can(scene.abilities().missing, "a place comes to be with its first message") {
        return;
    }
    let gone = scene.address(&scene.unmade(1, &[GROUP]), "order-1");
    let places = [there, gone.clone()];
    match scene.within("places are proved", publisher.prepare(&places)).await {
        Err(PublishError::Missing { why }) => assert_names(&why, &gone),
        other => panic!("the second place is not there: {other:?}"),
    }
}

fn assert_names(why: &str, address: &Address) {
    let names = why.contains(&address.name)
        || address.routing_key.as_ref().is_some_and(|key| why.contains(key));
    assert!(names, "`{address}` is not named in: {why}");
}
