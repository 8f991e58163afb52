//! A consumer that is slow keeps its messages waiting in the broker, not in its own memory.

use annals_outbox::Message;

use crate::brokers::Scene;
use crate::brokers::measured::{self, resident_bytes};
use crate::brokers::samples::{assert_each_once, messages_of};

/// How many messages wait: 50 MB of them.
const KEYS: usize = 50;
const OF_EACH: usize = 100;
const BODY: usize = 10_000;

/// How much memory the receiver of ten may take beside them: half of what waits, because clients have
/// buffers, and allocators do not give everything back.
const MOST: usize = KEYS * OF_EACH * BODY / 2;

/// 5,000 messages of 10 kB wait for a consumer that takes ten and then does something else; afterwards all
/// of them come.
///
/// Memory is looked at in a process of its own, in which nothing but this case runs.
pub async fn a_slow_consumer_is_bounded(scene: Scene) {
    let measuring = scene.can(
        cfg!(target_os = "linux") && !scene.abilities().in_process,
        "its memory is this process's, or the operating system does not tell: what is kept is not measured",
    );
    if measuring && !measured::alone() {
        measured::run_alone(scene.test);
        return;
    }
    let place = scene.place(2).await;
    let sent: Vec<Message> = messages_of(KEYS, OF_EACH).into_iter().map(padded).collect();
    let sender = scene.sender(&place).await;
    let mut reader = scene.reader(&place).await;
    let before = resident_bytes();
    sender.send_by_key(&sent).await;
    let mut came = Vec::new();
    while came.len() < 10 {
        came.extend(reader.some(10 - came.len()).await);
    }
    // Whoever takes in more than was asked for has the time for it now. There is no signal for that.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    if let (true, Some(before), Some(after)) = (measuring, before, resident_bytes()) {
        let more = after.saturating_sub(before);
        assert!(
            more <= MOST,
            "after 10 of 5,000 messages of 10 kB were received, the process has grown by {more} bytes: \
             a receiver holds no more messages than the limit that it was called with",
        );
    }
    // Acknowledged on the way: there may be a limit to what is not.
    while came.len() < sent.len() {
        came.extend(reader.some(100).await);
        reader.acknowledge(reader.last()).await;
    }
    assert_each_once(&came, &sent);
    reader.finish().await;
}

/// The number in front, and then what fills the message up.
fn padded(message: Message) -> Message {
    let mut body = message.body.to_vec();
    body.push(b' ');
    body.resize(BODY, b'x');
    Message { body: body.into(), ..message }
}

/// Messages of a megabyte come one by one to who asks for many.
pub async fn large_messages_come_in_order(scene: Scene) {
    let place = scene.place(1).await;
    let sender = scene.sender(&place).await;
    let large = |message: Message| {
        let mut body = message.body.to_vec();
        body.push(b' ');
        body.resize(900_000, b'x');
        Message { body: body.into(), ..message }
    };
    let sent: Vec<Message> = messages_of(1, 40).into_iter().map(large).collect();
    sender.send_in_turn(&sent).await;
    let mut reader = scene.reader(&place).await;
    let came = reader.take(sent.len()).await;
    assert_each_once(&came, &sent);
    assert!(came == sent, "each body is whole");
    reader.finish().await;
}
