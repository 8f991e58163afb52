//! What a consumer of JetStream says about a message, and in place of one.

use async_nats::{Message, StatusCode};

/// Where a message stands, from the subject by which it is acknowledged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivery<'a> {
    pub(super) consumer: &'a str,
    /// Its number in the stream.
    pub(super) stream_sequence: u64,
    /// Its number among the deliveries of the consumer.
    pub(super) consumer_sequence: u64,
    /// How many messages wait behind it.
    pub(super) pending: u64,
}

/// Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, and the same
/// with a domain and an account before the stream, which newer servers may send.
pub(super) fn read(reply: &str) -> Option<Delivery<'_>> {
    let rest = reply.strip_prefix("$JS.ACK.")?;
    let tokens: Vec<&str> = rest.split('.').collect();
    let tokens = match tokens.len() {
        7 => &tokens[..],
        9.. => &tokens[2..9],
        _ => return None,
    };
    Some(Delivery {
        consumer: tokens[1],
        stream_sequence: tokens[3].parse().ok()?,
        consumer_sequence: tokens[4].parse().ok()?,
        pending: tokens[6].parse().ok()?,
    })
}

/// What a consumer says in place of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It is there, and has nothing.
    Heartbeat,
    /// A pull has ended, with so many messages not sent.
    Ended(usize),
    /// A pull has ended with so many messages not sent, because the next is larger than it allows.
    TooLarge(usize),
    /// All pulls have ended: somebody else leads, or a server goes down.
    AllEnded,
    /// The consumer is not there any more.
    Gone,
    /// Nobody listens.
    Nobody,
    /// It does not do what it is asked; in its words.
    Refused(String),
}

/// Reads what is no message of the stream.
pub(super) fn word(status: StatusCode, message: &Message) -> Word {
    let said = message.description.as_deref().unwrap_or_default();
    let left = message.headers.as_ref().and_then(|headers| headers.get("Nats-Pending-Messages"));
    let left = left.and_then(|left| left.as_str().parse().ok()).unwrap_or(usize::MAX);
    let lower = said.to_ascii_lowercase();
    match status.as_u16() {
        100 => Word::Heartbeat,
        404 | 408 => Word::Ended(left),
        503 => Word::Nobody,
        409 if lower.contains("exceeds maxbytes") => Word::TooLarge(left),
        409 if lower.contains("batch completed") => Word::Ended(left),
        409 if lower.contains("leadership change") || lower.contains("server shutdown") => {
            Word::AllEnded
        }
        409 if lower.contains("consumer deleted") => Word::Gone,
        code => Word::Refused(format!("{said} ({code})")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Delivery, read};

    #[test]
    fn both_forms_are_read() {
        let wanted =
            Some(Delivery { consumer: "C", stream_sequence: 7, consumer_sequence: 3, pending: 9 });
        assert_eq!(read("$JS.ACK.S.C.1.7.3.1700000000000000000.9"), wanted);
        assert_eq!(read("$JS.ACK._.acc.S.C.1.7.3.1700000000000000000.9"), wanted);
        assert_eq!(read("$JS.ACK.hub.acc.S.C.1.7.3.1700000000000000000.9.token"), wanted);
        for other in ["", "_INBOX.x", "$JS.ACK.S.C.1.7", "$JS.ACK.S.C.1.x.3.17.9"] {
            assert_eq!(read(other), None);
        }
    }
}
