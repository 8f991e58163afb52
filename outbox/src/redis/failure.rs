//! Why an answer is not there.

use ::redis::{ErrorKind, RedisError, ServerError};

/// Why an answer is not there.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// There is no connection, and nothing was sent.
    Unreachable(String),
    /// It was sent, and nobody knows what came of it.
    Lost(String),
    /// The server says no.
    Refused {
        /// The first word of what it says, such as `OOM`.
        code: String,
        /// All of it.
        text: String,
    },
}

impl Failure {
    /// What the server says in place of an answer.
    pub(super) fn refused(error: &ServerError) -> Self {
        let code = error.code().to_owned();
        let text = match error.details() {
            Some(details) => format!("{code} {details}"),
            None => code.clone(),
        };
        // Which script it was is nothing to people.
        let text = text.split(" script: ").next().unwrap_or_default().trim_end_matches(['.', ',']);
        Self::Refused { code, text: text.to_owned() }
    }

    /// What became of a command on a connection that was there.
    pub(super) fn of(error: RedisError) -> Self {
        match ServerError::try_from(error) {
            Ok(said) => Self::refused(&said),
            Err(error) => {
                Self::Lost(format!("the connection broke before an answer came: {error}"))
            }
        }
    }

    /// Why a new connection is of no use.
    pub(super) fn at_the_door(error: RedisError, place: &str) -> Self {
        let kind = error.kind();
        let text = match ServerError::try_from(error) {
            Ok(said) => match Self::refused(&said) {
                Self::Refused { code, text } if code == "NOAUTH" => format!(
                    "{place} wants a password ({text}): write `redis://user:password@host:port` in the URL"
                ),
                Self::Refused { text, .. } => format!("{place} does not let us in: {text}"),
                Self::Unreachable(text) | Self::Lost(text) => text,
            },
            Err(_) if kind == ErrorKind::AuthenticationFailed => format!(
                "{place} does not know the user or the password of the URL (WRONGPASS): correct them there, \
                 or set them on the server (ACL SETUSER, requirepass)"
            ),
            Err(error) => format!(
                "{place} ends the connection before it lets us in: {error}; does it talk TLS where the URL \
                 does not begin with `rediss://`, or the other way round?"
            ),
        };
        Self::Unreachable(text)
    }

    /// Whether the connection is of no use any more: it is silent or broken, or leads to a server that others
    /// have replaced, so that the name has to be looked up again.
    pub(super) fn ends_connection(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Lost(_) => true,
            Self::Refused { code, .. } => {
                matches!(code.as_str(), "READONLY" | "MASTERDOWN" | "NOAUTH")
            }
        }
    }
}
