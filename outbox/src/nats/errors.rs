//! What goes wrong, in words for people: what, where, and the way out. No word of a password.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, ErrorCode};
use async_nats::{ConnectError, ConnectErrorKind};

use super::url::Login;
use crate::publisher::PublishError;
use crate::source::ReceiveError;

/// Why nothing can be done at this place now.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The broker, or what it needs, is not there: the same may go better later.
    Down(String),
    /// Somebody has to make or to allow something.
    Missing(String),
}

impl From<Trouble> for PublishError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Down(why) => Self::down(why),
            Trouble::Missing(why) => Self::Missing { why },
        }
    }
}

impl From<Trouble> for ReceiveError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Down(why) => Self::down(why),
            Trouble::Missing(why) => Self::Missing { why },
        }
    }
}

/// Why a question was not answered.
#[derive(Debug)]
pub(super) enum Silence {
    /// Nothing came in this time.
    Late(Duration),
    /// The connection ended.
    Cut(Arc<str>),
    /// The server does not let us ask; what it said.
    Forbidden(String),
    /// The question is larger than the server lets any be. It was not sent.
    TooLarge {
        /// The server's `max_payload`, in bytes.
        most: usize,
    },
}

impl Silence {
    /// Of a message that was to be stored.
    pub(super) fn of_message(self, subject: &str, bytes: usize) -> PublishError {
        match self {
            Self::Late(limit) => PublishError::in_doubt(format!(
                "no acknowledgement came within {limit:?}: the stream of `{subject}` may have no \
                 leader, or the connection is gone"
            )),
            Self::Cut(why) => PublishError::in_doubt(format!(
                "the connection ended before the message was acknowledged: {why}"
            )),
            Self::Forbidden(said) => PublishError::Missing {
                why: format!("the user may not publish to `{subject}` ({said}): allow it"),
            },
            Self::TooLarge { most } => PublishError::Refused {
                why: format!(
                    "the message has {bytes} bytes with its headers, and the server takes {most} at \
                     the most: raise `max_payload` in its settings, or send less"
                ),
            },
        }
    }

    /// Of a question to JetStream.
    pub(super) fn of_question(self, what: &str) -> Trouble {
        match self {
            Self::Late(limit) => Trouble::Down(format!(
                "no answer came within {limit:?} when asked to {what}: JetStream may have no leader"
            )),
            Self::Cut(why) => Trouble::Down(why.to_string()),
            Self::Forbidden(said) => Trouble::Missing(format!(
                "the user may not {what} ({said}): allow it, the docs list what is needed"
            )),
            Self::TooLarge { most } => {
                Trouble::Down(format!("the server takes no more than {most} bytes: {what}"))
            }
        }
    }
}

/// What JetStream answered in place of what it was asked to do.
pub(super) fn api_error(what: &str, error: &jetstream::Error) -> Trouble {
    let words = format!("JetStream does not {what}: {error}");
    match error.error_code() {
        ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
            Trouble::Down(jetstream_is_off())
        }
        ErrorCode::BAD_REQUEST
        | ErrorCode::STREAM_NOT_FOUND
        | ErrorCode::CONSUMER_NOT_FOUND
        | ErrorCode::MAXIMUM_CONSUMERS_LIMIT
        | ErrorCode::MAXIMUM_STREAMS_LIMIT
        | ErrorCode::STREAM_SUBJECT_OVERLAP
        | ErrorCode::STREAM_NAME_EXIST
        | ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED
        | ErrorCode::STREAM_INVALID_CONFIG
        | ErrorCode::STREAM_MAX_BYTES_REQUIRED
        | ErrorCode::CONSUMER_FILTER_NOT_SUBSET => Trouble::Missing(words),
        _ => Trouble::Down(words),
    }
}

pub(super) fn jetstream_is_off() -> String {
    "the server has no JetStream, or it is not ready yet: start it with `-js`, or with `jetstream {}` \
     in its settings, and give the account a share of it"
        .to_owned()
}

/// What the negative acknowledgement of a message means.
pub(super) fn refusal(error: &jetstream::Error, subject: &str, bytes: usize) -> PublishError {
    match error.error_code() {
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => PublishError::Refused {
            why: format!(
                "the message has {bytes} bytes with its headers, which is more than the stream of \
                 `{subject}` takes: raise its `max_msg_size`, or send less ({error})"
            ),
        },
        ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => PublishError::Refused {
            why: format!("its headers have more than 64 kB: send less in them ({error})"),
        },
        ErrorCode::STREAM_STORE_FAILED => PublishError::Missing {
            why: format!(
                "the stream of `{subject}` stores no more: make room, raise its limits, or let it \
                 discard the old ({error})"
            ),
        },
        ErrorCode::STREAM_SEALED | ErrorCode::STREAM_NOT_FOUND | ErrorCode::STREAM_NOT_MATCH => {
            PublishError::Missing {
                why: format!("the stream of `{subject}` takes no messages: {error}"),
            }
        }
        // Another copy of the message is on its way to the stream.
        DUPLICATE_IN_PROCESS => PublishError::in_doubt(format!("{error}")),
        _ => {
            PublishError::down(format!("the stream of `{subject}` does not store it now: {error}"))
        }
    }
}

/// What newer clusters say of a message whose first copy is not stored yet.
const DUPLICATE_IN_PROCESS: ErrorCode = ErrorCode(10158);

/// Why there is no connection.
pub(super) fn connecting(error: &ConnectError, login: &Login) -> String {
    let said = chain(error);
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            let who = match login {
                Login::Nobody => "without user and password".to_owned(),
                Login::Token(_) => "with this token".to_owned(),
                Login::User { name, .. } => format!("as `{name}` with this password"),
            };
            format!("the server does not let us in {who} ({said}): look at the URL")
        }
        ConnectErrorKind::TimedOut => "the server does not answer".to_owned(),
        ConnectErrorKind::Dns => format!("the server's name is not known: {said}"),
        _ if said.contains("certificate") => format!(
            "the server's certificate is not trusted ({said}): name whom to trust with \
             NatsOptions::ca_file, and use the name that the certificate has"
        ),
        _ => format!("the server cannot be reached: {said}"),
    }
}

/// An error and its causes, each once.
fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        next = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Login, connecting};

    #[test]
    fn a_wrong_password_is_told_without_it() {
        let error =
            async_nats::ConnectError::new(async_nats::ConnectErrorKind::AuthorizationViolation);
        let login = Login::User { name: "shop".to_owned(), password: "secret".to_owned() };
        let words = connecting(&error, &login);
        assert!(words.contains("as `shop`") && !words.contains("secret"), "{words}");
        let words = connecting(&error, &Login::Token("secret".to_owned()));
        assert!(!words.contains("secret"), "{words}");
    }
}
