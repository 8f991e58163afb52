//! What an answer that is not there means for messages.

use crate::publisher::PublishError;
use crate::source::ReceiveError;

use super::failure::Failure;

/// What a refusal is about.
enum Fault {
    /// All messages wait.
    Server(String),
    /// The messages of this place wait.
    Place(String),
    /// This message cannot be.
    Message(String),
}

impl Fault {
    fn of(code: &str, text: String, name: &str) -> Self {
        match code {
            "WRONGTYPE" => Self::Place(format!(
                "`{name}` is no stream ({text}): take another name, or remove what is there (`DEL {name}`)"
            )),
            "NOPERM" => Self::Place(format!(
                "the user of the URL may not do that with `{name}` ({text}): allow it with `ACL SETUSER`; \
                 which commands and keys stands in docs/brokers/redis.md"
            )),
            "MOVED" | "ASK" | "CROSSSLOT" => Self::Place(format!(
                "`{name}` is in a cluster ({text}): connect to the node that has it, and put one part of \
                 the names of streams that belong together in braces, as in `{{shop}}:orders`"
            )),
            "OTHERBODY" => Self::Message(format!(
                "another message has the same id in `{name}` ({text}): an id is for one message, for ever"
            )),
            "ERR" if text.contains("too large") || text.contains("invalid bulk length") => {
                Self::Message(format!("the server does not take anything so large ({text})"))
            }
            "ERR" if text.contains("unknown command") => Self::Place(format!(
                "the server lacks what the options ask for ({text}): WAITAOF is there from Redis 7.2, the \
                 rest from 7.0"
            )),
            "OOM" => Self::Server(format!(
                "the server's memory is full ({text}): raise `maxmemory`, trim streams, or let \
                 `keep_at_least` do it"
            )),
            "READONLY" => Self::Server(format!(
                "the server is a replica, or has become one ({text}): the URL has to lead to the primary"
            )),
            "MISCONF" => Self::Server(format!("the server cannot write to its disk ({text})")),
            _ => Self::Server(format!("the server says: {text}")),
        }
    }
}

/// What it means for a message to this place.
pub(super) fn publishing(failure: Failure, name: &str) -> PublishError {
    match failure {
        Failure::Unreachable(why) => PublishError::down(why),
        Failure::Lost(why) => PublishError::in_doubt(why),
        Failure::Refused { code, text } => match Fault::of(&code, text, name) {
            Fault::Server(why) => PublishError::down(why),
            Fault::Place(why) => PublishError::Missing { why },
            Fault::Message(why) => PublishError::Refused { why },
        },
    }
}

/// What it means for a receiver of these places.
pub(super) fn receiving(failure: Failure, name: &str) -> ReceiveError {
    match failure {
        Failure::Unreachable(why) | Failure::Lost(why) => ReceiveError::down(why),
        Failure::Refused { code, text } => match Fault::of(&code, text, name) {
            Fault::Server(why) | Fault::Message(why) => ReceiveError::down(why),
            Fault::Place(why) => ReceiveError::Missing { why },
        },
    }
}

/// Whether a group or its stream is not there any more.
pub(super) fn is_gone(failure: &Failure) -> bool {
    match failure {
        Failure::Refused { code, text } => code == "NOGROUP" || text.contains("no such key"),
        Failure::Unreachable(_) | Failure::Lost(_) => false,
    }
}

/// An answer that no server should give.
pub(super) fn strange(answer: &::redis::Value) -> Failure {
    let shown = format!("{answer:?}");
    let shown: String = shown.chars().take(200).collect();
    Failure::Lost(format!("the server answers what was not asked: {shown}"))
}

#[cfg(test)]
mod tests {
    use super::{Failure, PublishError, publishing};

    fn told(code: &str, text: &str) -> PublishError {
        let failure = Failure::Refused { code: code.into(), text: text.into() };
        publishing(failure, "orders")
    }

    #[test]
    fn only_a_message_that_cannot_be_is_refused() {
        for code in
            ["OOM", "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "MISCONF", "NOREPLICAS"]
        {
            assert!(matches!(told(code, code), PublishError::Down { .. }), "{code}");
        }
        assert!(matches!(told("ERR", "ERR what nobody knows yet"), PublishError::Down { .. }));
        for code in ["WRONGTYPE", "NOPERM", "MOVED"] {
            let error = told(code, code);
            assert!(matches!(error, PublishError::Missing { .. }), "{code}");
            assert!(error.to_string().contains("`orders`"), "{error}");
        }
        for (code, text) in [
            ("OTHERBODY", "OTHERBODY entry 1-0 has its id"),
            ("ERR", "ERR Protocol error: invalid bulk length"),
            ("ERR", "ERR Elements are too large to be stored"),
        ] {
            assert!(matches!(told(code, text), PublishError::Refused { .. }), "{text}");
        }
    }

    #[test]
    fn silence_is_doubt_and_no_connection_is_none() {
        let lost = publishing(Failure::Lost("silence".into()), "orders");
        assert!(matches!(lost, PublishError::InDoubt { .. }));
        let apart = publishing(Failure::Unreachable("nobody there".into()), "orders");
        assert!(matches!(apart, PublishError::Down { .. }));
    }
}
