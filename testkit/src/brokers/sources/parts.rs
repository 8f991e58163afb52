//! A group is cut into parts, of which each has lanes of its own.

use std::collections::BTreeSet;

use annals_outbox::{Message, Part};

use crate::brokers::samples::{assert_each_once, messages_of};
use crate::brokers::scene::GROUP;
use crate::brokers::{Reader, Scene};

fn part(index: u32, of: u32) -> Part {
    Part { index, of }
}

/// Receives from two at once, until so many have come.
async fn take_from_both(
    scene: &Scene,
    one: &mut Reader,
    two: &mut Reader,
    count: usize,
) -> [Vec<Message>; 2] {
    let mut came = [Vec::new(), Vec::new()];
    let receiving = async {
        while came[0].len() + came[1].len() < count {
            let (which, answer) = tokio::select! {
                answer = one.receiver().receive(20) => (0, answer),
                answer = two.receiver().receive(20) => (1, answer),
            };
            let received = answer.unwrap_or_else(|error| panic!("no message comes: {error:?}"));
            let reader = if which == 0 { &mut *one } else { &mut *two };
            came[which].extend(reader.check(20, received));
        }
    };
    scene.within("all messages come to the two parts", receiving).await;
    came
}

fn keys(messages: &[Message]) -> BTreeSet<&str> {
    messages.iter().map(|message| message.key.as_str()).collect()
}

/// Two parts together get everything, and nothing comes to both.
pub async fn parts_share_the_lanes(scene: Scene) {
    let place = scene.place(4).await;
    let sent = messages_of(40, 5);
    let source = scene.source(&place).await;
    let mut one = scene.open(&*source, GROUP, part(0, 2)).await;
    let mut two = scene.open(&*source, GROUP, part(1, 2)).await;
    scene.sender(&place).await.send_by_key(&sent).await;
    let [first, second] = take_from_both(&scene, &mut one, &mut two, sent.len()).await;
    let both: Vec<_> = keys(&first).intersection(&keys(&second)).map(ToString::to_string).collect();
    assert!(both.is_empty(), "{both:?} came to both parts");
    assert!(!first.is_empty() && !second.is_empty(), "40 keys are in more than half of the lanes");
    assert_each_once(&[first, second].concat(), &sent);
    one.finish().await;
    two.finish().await;
}

/// What one part acknowledges moves no other, and taking over one part takes over no other.
pub async fn parts_are_independent(scene: Scene) {
    let place = scene.place(4).await;
    let sent = messages_of(40, 5);
    let sender = scene.sender(&place).await;
    sender.send_by_key(&sent).await;
    let source = scene.source(&place).await;
    let mut one = scene.open(&*source, GROUP, part(0, 2)).await;
    let mut two = scene.open(&*source, GROUP, part(1, 2)).await;
    let [first, second] = take_from_both(&scene, &mut one, &mut two, sent.len()).await;
    one.finish().await;
    let elsewhere = scene.source(&place).await;
    let mut two_again = scene.open(&*elsewhere, GROUP, part(1, 2)).await;
    assert_each_once(&two_again.take(second.len()).await, &second);
    two_again.finish().await;
    one.nothing("it has acknowledged all of its part").await;
    let more = messages_of(40, 1);
    sender.send_by_key(&more).await;
    let [first_more, second_more] =
        take_from_both(&scene, &mut one, &mut two_again, more.len()).await;
    assert_eq!(keys(&first_more), keys(&first), "a key stays in its part");
    assert_eq!(keys(&second_more), keys(&second), "a key stays in its part");
}

/// A part without lanes waits, and keeps nobody from having all.
pub async fn more_parts_than_lanes(scene: Scene) {
    let place = scene.place(1).await;
    let sent = messages_of(5, 4);
    scene.sender(&place).await.send_in_turn(&sent).await;
    let source = scene.source(&place).await;
    let mut none = scene.open(&*source, GROUP, part(1, 2)).await;
    let mut all = scene.open(&*source, GROUP, part(0, 2)).await;
    assert_eq!(all.take(sent.len()).await, sent);
    none.nothing("the only lane is the other part's").await;
    all.finish().await;
}

/// A group is cut anew: what was acknowledged stays so, and the rest comes to whoever has the lane now.
pub async fn a_group_is_cut_anew(scene: Scene) {
    let place = scene.place(4).await;
    let sent = messages_of(20, 5);
    let sender = scene.sender(&place).await;
    sender.send_by_key(&sent[..60]).await;
    let mut whole = scene.reader(&place).await;
    let came = whole.take(60).await;
    whole.acknowledge(25).await;
    whole.nothing("all was handed out").await;
    drop(whole);
    let source = scene.source(&place).await;
    let mut one = scene.open(&*source, GROUP, part(0, 2)).await;
    let mut two = scene.open(&*source, GROUP, part(1, 2)).await;
    sender.send_by_key(&sent[60..]).await;
    let [first, second] = take_from_both(&scene, &mut one, &mut two, 75).await;
    let rest = [&came[25..], &sent[60..]].concat();
    assert_each_once(&[first, second].concat(), &rest);
    one.finish().await;
    two.finish().await;
    drop((one, two));
    scene.reader(&place).await.nothing("the parts have acknowledged all").await;
}
