//! A piece of history on its way: one CloudEvent a line.

use annals_core::Position;
use annals_outbox::{HistoryPage, Message};
use bytes::Bytes;
use serde::Deserialize;

/// The media type of lines of JSON.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// The media type of one line.
const CLOUDEVENTS_JSON: &str = "application/cloudevents+json";

/// What stands beside the lines.
pub(crate) const NEXT: &str = "annals-next";
pub(crate) const END: &str = "annals-end";
pub(crate) const EVENTS: &str = "annals-events";

/// Writes CloudEvents in the structured mode, each with its position.
pub(crate) fn write(messages: &[(Position, Message)]) -> Vec<u8> {
    let bytes = messages.iter().map(|(_, message)| message.body.len() + 40).sum();
    let mut lines = Vec::with_capacity(bytes);
    for (position, message) in messages {
        lines.extend_from_slice(format!("{{\"position\":\"{position}\",").as_bytes());
        // It is an object with attributes. In JSON a line break is a blank, unless it is written as `\n`.
        let rest = message.body.get(1..).unwrap_or_default();
        lines.extend(
            rest.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }),
        );
        lines.push(b'\n');
    }
    lines
}

/// What stands beside the lines that were received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside {
    pub(crate) next: Position,
    pub(crate) at_end: bool,
    pub(crate) events: usize,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    position: String,
    subject: Option<String>,
}

/// Reads lines that follow a position: all of them, or none.
///
/// # Errors
/// What is wrong, with the number of the line.
pub(crate) fn read(after: Position, beside: Beside, body: &Bytes) -> Result<HistoryPage, String> {
    let Beside { next, at_end, events } = beside;
    if next < after {
        return Err(format!("it asks to go on behind {next}, which comes before {after}"));
    }
    if body.last().is_some_and(|last| *last != b'\n') {
        return Err("the answer is cut in the middle of a line".to_owned());
    }
    let mut messages = Vec::with_capacity(events.min(body.len()));
    let mut last = Position::new(after.get().saturating_add(1));
    let lines = body.strip_suffix(b"\n").map(|lines| lines.split(|byte| *byte == b'\n'));
    for (number, line) in (1..).zip(lines.into_iter().flatten()) {
        let wrong = |why: String| format!("line {number} of the answer {why}");
        let read: Line = serde_json::from_slice(line)
            .map_err(|error| wrong(format!("is no event with a position: {error}")))?;
        let position = read.position.parse::<u64>().map(Position::new);
        let position = position.map_err(|error| wrong(format!("has no position: {error}")))?;
        if position < last || position > next {
            return Err(wrong(format!("has position {position}, not {last} to {next}")));
        }
        last = position;
        let message = Message {
            id: read.id,
            key: read.subject.unwrap_or_default(),
            content_type: CLOUDEVENTS_JSON.to_owned(),
            attributes: Default::default(),
            headers: Default::default(),
            body: body.slice_ref(line),
        };
        messages.push((position, message));
    }
    match messages.len() == events {
        true => Ok(HistoryPage { messages, next, at_end }),
        false => Err(format!("the answer is cut: {} of {events} events came", messages.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Message {
        Message {
            id: "7".to_owned(),
            key: "order-1".to_owned(),
            content_type: CLOUDEVENTS_JSON.to_owned(),
            attributes: Default::default(),
            headers: Default::default(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn beside(events: usize) -> Beside {
        Beside { next: Position::new(9), at_end: true, events }
    }

    fn two() -> Bytes {
        let body = "{\"id\":\"7\",\"subject\":\"order-1\",\"data\":{\n\"a\": 1}}";
        write(&[(Position::new(3), message(body)), (Position::new(3), message(body))]).into()
    }

    #[test]
    fn lines_are_read_back() {
        let page = read(Position::new(2), beside(2), &two()).expect("they are whole");
        let ids: Vec<_> =
            page.messages.iter().map(|(at, one)| (at.get(), &*one.id, &*one.key)).collect();
        assert_eq!(ids, [(3, "7", "order-1"), (3, "7", "order-1")]);
        let read: serde_json::Value =
            serde_json::from_slice(&page.messages[0].1.body).expect("it is JSON");
        assert_eq!(read["data"]["a"], 1);
    }

    #[test]
    fn wherever_it_is_cut_nothing_is_taken() {
        let whole = two();
        for end in 0..whole.len() {
            let cut = read(Position::new(2), beside(2), &whole.slice(..end));
            let why = cut.expect_err("something is missing");
            assert!(why.contains("cut"), "{why}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let again = read(Position::new(3), beside(2), &two()).expect_err("it was had");
        assert!(again.contains("line 1") && again.contains("not 4 to 9"), "{again}");
        let back = read(Position::new(10), beside(0), &Bytes::new()).expect_err("it goes back");
        assert!(back.contains("behind 9"), "{back}");
        let page = Bytes::from_static(b"<html>\n");
        let html = read(Position::new(3), beside(1), &page).expect_err("it is no JSON");
        assert!(html.contains("is no event"), "{html}");
    }
}
