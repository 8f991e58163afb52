//! What went wrong, in words for people.

use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::{Error, ErrorKind};

use crate::publisher::PublishError;
use crate::source::ReceiveError;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The broker is not there, or is for nobody.
    Down(String),
    /// What should be there is not, or is not for us.
    Missing(String),
    /// Nobody knows what has become of a message.
    InDoubt(String),
    /// This message cannot be taken.
    Refused(String),
}

impl Failure {
    pub(super) fn publishing(self) -> PublishError {
        match self {
            Self::Down(why) => PublishError::down(why),
            Self::InDoubt(why) => PublishError::in_doubt(why),
            Self::Missing(why) => PublishError::Missing { why },
            Self::Refused(why) => PublishError::Refused { why },
        }
    }

    pub(super) fn receiving(self) -> ReceiveError {
        match self {
            Self::Missing(why) => ReceiveError::Missing { why },
            Self::Down(why) | Self::InDoubt(why) | Self::Refused(why) => ReceiveError::down(why),
        }
    }
}

/// The server's word on why it closed a channel or a connection, without the words around it.
pub(super) fn word(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        ErrorKind::IOError(error) => error.to_string(),
        _ => error.to_string(),
    }
}

/// Why a server closed a channel and not the whole connection.
pub(super) fn soft(error: &Error) -> Option<&AMQPSoftError> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => match error.kind() {
            AMQPErrorKind::Soft(soft) => Some(soft),
            AMQPErrorKind::Hard(_) => None,
        },
        _ => None,
    }
}

/// The limit in `message size 146800640 is larger than configured max size 134217728`, and what is beyond it.
pub(super) fn too_large(word: &str) -> Option<(usize, usize)> {
    let rest = word.split_once("message size ")?.1;
    let (size, rest) = rest.split_once(' ')?;
    let limit = rest.rsplit_once("max size ")?.1.trim();
    Some((size.parse().ok()?, limit.parse().ok()?))
}

pub(super) mod explain {
    use std::io;

    use lapin::protocol::AMQPSoftError;
    use lapin::{Error, ErrorKind};

    use super::{Failure, soft, word};

    /// Why there is no connection.
    pub(in super::super) fn not_connected(broker: &str, user: &str, error: &Error) -> Failure {
        let said = word(error);
        let way_out = match error.kind() {
            ErrorKind::ProtocolError(_) if said.starts_with("ACCESS_REFUSED") => {
                format!(": check the name `{user}` and its password in the URL")
            }
            ErrorKind::ProtocolError(_) if said.starts_with("NOT_ALLOWED") => {
                format!(": check the vhost in the URL, and whether `{user}` may use it")
            }
            ErrorKind::IOError(error) if error.kind() == io::ErrorKind::InvalidData => {
                ": check the CA file, and that the certificate is for this host".to_owned()
            }
            _ => String::new(),
        };
        Failure::Down(format!("{broker} is not connected: {said}{way_out}"))
    }

    /// No answer within the time limit.
    pub(in super::super) fn silent(broker: &str, what: &str) -> Failure {
        Failure::Down(format!("{broker} gave no answer in time ({what})"))
    }

    /// What a server says to a request other than a message.
    pub(in super::super) fn refused(broker: &str, what: &str, error: &Error) -> Failure {
        let said = word(error);
        let way_out = match soft(error) {
            Some(AMQPSoftError::NOTFOUND) => "make it, or have it declared by the options",
            Some(AMQPSoftError::ACCESSREFUSED) => "give the user of the URL the permission",
            Some(AMQPSoftError::PRECONDITIONFAILED) => {
                "it is there with other settings: have it checked only, or remove it"
            }
            Some(AMQPSoftError::RESOURCELOCKED) => "it belongs to another connection alone",
            _ => return Failure::Down(format!("{broker} has ended {what}: {said}")),
        };
        Failure::Missing(format!("{said} ({what} on {broker}): {way_out}"))
    }

    /// Why a server has ended receiving.
    pub(in super::super) fn ended(broker: &str, queue: &str, error: &Error) -> Failure {
        let said = word(error);
        let way_out = match soft(error) {
            Some(AMQPSoftError::PRECONDITIONFAILED) if is_held_for_too_long(&said) => {
                ": what was not acknowledged comes again; handle messages faster, take a smaller `prefetch`, or \
                 raise `consumer_timeout` in rabbitmq.conf"
            }
            _ => "",
        };
        let what = format!("{broker} has ended receiving from the queue `{queue}`");
        Failure::Down(format!("{what}: {said}{way_out}"))
    }

    /// In `delivery acknowledgement on channel 2 timed out. Timeout value used: 1800000 ms. …`.
    fn is_held_for_too_long(said: &str) -> bool {
        said.contains("delivery acknowledgement") && said.contains("timed out")
    }

    /// A queue is not free.
    pub(in super::super) fn somebody_else(broker: &str, queue: &str) -> Failure {
        Failure::Down(format!(
            "the queue `{queue}` on {broker} is received by somebody else: whoever it is has to hang up, or \
             be silent for two heartbeats"
        ))
    }

    /// Whether a server says that somebody else has a queue to himself.
    pub(in super::super) fn is_in_use(failure: &Failure) -> bool {
        matches!(failure, Failure::Missing(why) if why.contains("in exclusive use"))
    }
}

#[cfg(test)]
mod tests {
    use super::too_large;

    #[test]
    fn a_limit_is_read_from_what_the_server_says() {
        let said = "PRECONDITION_FAILED - message size 146800640 is larger than configured max size \
                    134217728";
        assert_eq!(too_large(said), Some((146_800_640, 134_217_728)));
        assert_eq!(too_large("PRECONDITION_FAILED - inequivalent arg 'durable'"), None);
    }
}
