//! Messages for cases, and words about them.

use std::collections::BTreeMap;

use annals_outbox::Message;
use uuid::Uuid;

/// A small message: its body says which of its key it is.
pub(super) fn message(key: &str, number: usize) -> Message {
    Message {
        id: Uuid::now_v7().to_string(),
        key: key.to_owned(),
        content_type: "text/plain".to_owned(),
        attributes: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: number.to_string().into_bytes().into(),
    }
}

/// Messages of one key, from 1.
pub(super) fn messages(key: &str, count: usize) -> Vec<Message> {
    (1..=count).map(|number| message(key, number)).collect()
}

/// So many messages of each of so many keys, from 1, their keys taking turns.
pub(super) fn messages_of(keys: usize, count: usize) -> Vec<Message> {
    let turn = |number| (1..=keys).map(move |key| message(&format!("order-{key}"), number));
    (1..=count).flat_map(turn).collect()
}

/// Which message of its key it is.
pub(super) fn number(message: &Message) -> usize {
    let text = std::str::from_utf8(&message.body).ok();
    text.and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("{} has the body of no message that was sent", show(message)))
}

/// Which messages of each key they are, in their order.
pub(super) fn by_key(messages: &[Message]) -> BTreeMap<&str, Vec<usize>> {
    let mut keys: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for message in messages {
        keys.entry(&message.key).or_default().push(number(message));
    }
    keys
}

/// What came is what was sent, in the order of each key: nothing is lost, nothing came twice.
pub(super) fn assert_each_once(came: &[Message], sent: &[Message]) {
    let (came, sent) = (by_key(came), by_key(sent));
    for (key, sent) in &sent {
        let came = came.get(key).map_or(&[][..], Vec::as_slice);
        assert_eq!(came, sent, "the messages of `{key}` come each once, in their order");
    }
    assert_eq!(came.len(), sent.len(), "nothing came of keys that were not sent");
}

/// The numbers of messages without those that came again: what an inbox lets through.
pub(super) fn absorbed(numbers: &[usize]) -> Vec<usize> {
    let mut seen = Vec::new();
    for number in numbers {
        if !seen.contains(number) {
            seen.push(*number);
        }
    }
    seen
}

/// A message in a few words.
pub(super) fn show(message: &Message) -> String {
    let body: String = String::from_utf8_lossy(&message.body).chars().take(40).collect();
    format!("`{}` of {} bytes of the key `{}`", body, message.body.len(), message.key)
}

/// Messages in a few words.
pub(super) fn show_all(messages: &[Message]) -> String {
    let shown: Vec<String> = messages.iter().take(12).map(show).collect();
    let more = messages.len() - shown.len();
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("[{}{more}]", shown.join(", "))
}
