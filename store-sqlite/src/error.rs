//! What SQLite says, in the words of the framework.

use std::sync::Arc;

use annals_core::store::StoreError;
use rusqlite::ErrorCode;

/// The name of this store in messages.
pub(crate) const STORE: &str = "sqlite";

/// Translates an error of SQLite. `place` is the file.
pub(crate) fn translate(error: rusqlite::Error, place: &str) -> StoreError {
    let place = place.to_owned();
    let Some(code) = error.sqlite_error_code() else {
        return StoreError::Database { store: STORE, source: Arc::new(error) };
    };
    match code {
        ErrorCode::DiskFull => StoreError::Full { place },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Locked {
            place,
            hint: "wait for it to finish, or raise `busy_timeout`".to_owned(),
        },
        ErrorCode::ReadOnly => StoreError::ReadOnly {
            place,
            hint: "check the permissions of the file and of its directory".to_owned(),
        },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            StoreError::Corrupt { place, detail: error.to_string() }
        }
        ErrorCode::CannotOpen => StoreError::Unavailable { place, source: Arc::new(error) },
        _ => StoreError::Database { store: STORE, source: Arc::new(error) },
    }
}

/// Translates an error of COMMIT: when the disk failed, the commit may have reached it.
pub(crate) fn translate_commit(error: rusqlite::Error, place: &str) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
        return StoreError::OutcomeUnknown { source: Arc::new(error) };
    }
    translate(error, place)
}

/// Something stored that cannot be what this store wrote.
pub(crate) fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt { place: "the database".to_owned(), detail: what.to_string() }
}
