//! What PostgreSQL says, in the words of the framework.

use std::sync::Arc;

use annals_core::store::StoreError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::connection::Connector;

/// The name of this store in messages.
pub(crate) const STORE: &str = "postgres";

/// Whether the server may have done more than it could say: the connection broke, or is about to.
pub(crate) fn is_lost(error: &Error) -> bool {
    match error.as_db_error() {
        // The server refuses the statement and has undone it, unless it is going away altogether.
        Some(said) => said.severity() == "FATAL" || said.severity() == "PANIC",
        None => true,
    }
}

/// Whether the server refuses to begin a session, for reasons that stay: the role or its password
/// (class 28), the database (3D), or a setting that it does not take (22 and 42).
fn is_denied(error: &Error) -> bool {
    let Some(said) = error.as_db_error() else { return false };
    let class = said.code().code().get(..2).unwrap_or_default();
    matches!(class, "28" | "3D") || is_lost(error) && matches!(class, "22" | "42")
}

/// Translates an error. `place` is the server, the database and the schema.
pub(crate) fn translate(error: Error, place: &str) -> StoreError {
    let place = place.to_owned();
    let Some(said) = error.as_db_error() else {
        return StoreError::Unavailable { place, source: Arc::new(Told::from(error)) };
    };
    let code = said.code();
    if *code == SqlState::DISK_FULL {
        StoreError::Full { place }
    } else if [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
    ]
    .contains(code)
    {
        StoreError::Locked { place, hint: format!("{}; try again", said.message()) }
    } else if is_frozen(&error) {
        let what = said.message().to_owned();
        StoreError::TookTooLong { store: STORE, what, option: "frozen_after" }
    } else if *code == SqlState::QUERY_CANCELED {
        let what = said.message().to_owned();
        StoreError::TimedOut { store: STORE, what, option: "statement_timeout" }
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        StoreError::ReadOnly {
            place,
            hint: format!(
                "{}: if this is a standby, add `target_session_attrs=read-write` and the primary's \
                 host to the URL; otherwise see `default_transaction_read_only` of the role and of \
                 the database",
                said.message()
            ),
        }
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        StoreError::ReadOnly {
            place,
            hint: format!("{}: grant the role what docs/postgresql.md lists", said.message()),
        }
    } else if [SqlState::CHARACTER_NOT_IN_REPERTOIRE, SqlState::UNTRANSLATABLE_CHARACTER]
        .contains(code)
    {
        StoreError::Invalid { why: format!("{}: leave it out", said.message()) }
    } else if is_denied(&error) {
        StoreError::Denied { place, source: Arc::new(Told::from(error)) }
    } else if is_lost(&error) || *code == SqlState::TOO_MANY_CONNECTIONS {
        StoreError::Unavailable { place, source: Arc::new(Told::from(error)) }
    } else {
        StoreError::Database { store: STORE, source: Arc::new(Told::from(error)) }
    }
}

/// What went wrong: the caller has to know what the server said before it is put into other words.
#[derive(Debug)]
pub(crate) enum Failure {
    Server(Error),
    Other(StoreError),
}

impl Failure {
    /// In the words of the framework.
    pub(crate) fn explained(self, connector: &Connector) -> StoreError {
        match self {
            Self::Server(error) => translate(error, &connector.place),
            Self::Other(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

/// An error of the server with its text, or of the client with its causes: its own says "db error", or
/// "error connecting to server", and no more.
#[derive(Debug)]
pub(crate) struct Told(Error);

impl From<Error> for Told {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_db_error() {
            Some(said) => {
                write!(f, "{} (SQLSTATE {})", said.message(), said.code().code())?;
                // What it says about CASCADE would take more away than anybody wants.
                let hint = said.hint().filter(|hint| !hint.contains("CASCADE"));
                hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            None => {
                self.0.fmt(f)?;
                let mut cause = std::error::Error::source(&self.0);
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Told {}

/// A task of the store's own ended before it could say what it did.
pub(crate) fn lost_inside(who: &str) -> StoreError {
    let lost = format!("{who} ended before it could answer");
    StoreError::OutcomeUnknown { source: Arc::new(std::io::Error::other(lost)) }
}

/// Whether an id, a key or a place in a stream is stored already.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    error.code() == Some(&SqlState::UNIQUE_VIOLATION)
}

/// Whether the server ended a transaction because it heard nothing of its process.
pub(crate) fn is_frozen(error: &Error) -> bool {
    error.code() == Some(&SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT)
}

/// Whether a checkpoint has been moved or taken by somebody else: `advance.sql` says so.
pub(crate) fn is_fenced(error: &Error) -> bool {
    error.code().is_some_and(|code| code.code() == "ZF001")
}

/// Something stored that cannot be what this store wrote.
pub(crate) fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt { place: "the database".to_owned(), detail: what.to_string() }
}
