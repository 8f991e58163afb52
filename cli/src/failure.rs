//! Why a command did not do what it was asked, as an exit code and in words.

use annals::ErrorKind;
use annals::store::StoreError;
use serde::Serialize;

use crate::redact::redact;

/// The exit code of a mistake on the command line, which is also that of the parser.
pub(crate) const USAGE: u8 = 2;

/// Why a command ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was asked for is not there.
    #[error("{0}")]
    NotThere(String),
    /// The doctor found something bad, and has shown it.
    #[error("something is wrong with the store")]
    Bad,
    /// A consumer is in trouble, which was shown.
    #[error("something is in trouble")]
    Trouble,
    /// Keys that were tried again are still parked, which was shown.
    #[error("{0} keys are still parked")]
    StillParked(usize),
    /// A mistake on the command line.
    #[error("{0}")]
    Usage(String),
    /// The store cannot be reached or opened.
    #[error("{0}")]
    Unreachable(String),
    /// The store is damaged.
    #[error("{0}")]
    Damaged(String),
    /// What was to be imported, or asked of a consumer, is refused.
    #[error("{0}")]
    Refused(String),
    /// Nobody has answered a request in time.
    #[error("{0}")]
    NoAnswer(String),
    /// The store failed.
    #[error("{0}")]
    Store(StoreError),
    /// A file or the output failed.
    #[error("{0}")]
    Io(String),
    /// Whoever reads the output has gone.
    #[error("the output was closed")]
    Closed,
}

impl Failure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::NotThere(_) | Self::Bad | Self::Trouble | Self::StillParked(_) => 1,
            Self::Usage(_) => USAGE,
            Self::Unreachable(_) | Self::Damaged(_) => 3,
            Self::Refused(_) => 4,
            Self::Store(_) | Self::Io(_) => 5,
            Self::NoAnswer(_) => 6,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::NotThere(_) => "not_there",
            Self::Bad => "bad",
            Self::Trouble => "trouble",
            Self::StillParked(_) => "still_parked",
            Self::Usage(_) => "usage",
            Self::Unreachable(_) => "unreachable",
            Self::Damaged(_) => "damaged",
            Self::Refused(_) => "refused",
            Self::NoAnswer(_) => "no_answer",
            Self::Store(_) => "store",
            Self::Io(_) => "io",
        }
    }

    /// Says it on the standard error.
    pub(crate) fn say(&self, json: bool) {
        #[derive(Serialize)]
        struct Said<'s> {
            error: &'s str,
            exit_code: u8,
            message: &'s str,
        }
        let message = redact(&self.to_string());
        let said = Said { error: self.name(), exit_code: self.code(), message: &message };
        match serde_json::to_string(&said) {
            Ok(text) if json => eprintln!("{text}"),
            _ => eprintln!("annals: {message}"),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } | StoreError::Denied { .. } => {
                Self::Unreachable(error.to_string())
            }
            StoreError::Corrupt { .. } => Self::Damaged(error.to_string()),
            error if error.kind() == ErrorKind::Transient => Self::Unreachable(error.to_string()),
            error => Self::Store(error),
        }
    }
}
