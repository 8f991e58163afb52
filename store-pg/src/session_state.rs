//! What a statement of the user's leaves behind in a session, for the next who uses it.

use annals_core::store::leading_keyword;

/// What belongs to a session and outlives the transaction it was said in.
const SESSION: [&str; 9] =
    ["DEALLOCATE", "DECLARE", "DISCARD", "LISTEN", "LOAD", "PREPARE", "RESET", "SET", "UNLISTEN"];

/// The same, done by functions or in the middle of a statement.
const WITHIN: [&str; 4] = ["SET_CONFIG", "ADVISORY_LOCK", " TEMP ", " TEMPORARY "];

/// Whether a session is good for nobody else after a statement. It may say so too often, which costs a
/// connection; `SET LOCAL` ends with its transaction.
pub(crate) fn changes_session(sql: &str) -> bool {
    let keyword = leading_keyword(sql);
    let capitals = sql.to_ascii_uppercase();
    let mut words = capitals.split_whitespace();
    let is_local = keyword == "SET" && words.any(|word| word == "LOCAL");
    SESSION.contains(&keyword.as_str()) && !is_local
        || WITHIN.iter().any(|part| capitals.contains(part))
}

#[cfg(test)]
mod tests {
    use super::changes_session;

    #[test]
    fn what_outlives_its_transaction_is_noticed() {
        for sql in [
            "SET statement_timeout = 1",
            "/* now */ set session role to reader",
            "SELECT set_config('role', 'reader', false)",
            "SELECT pg_advisory_lock(1)",
            "CREATE TEMP TABLE t (n int)",
            "LISTEN news",
            "PREPARE p AS SELECT 1",
        ] {
            assert!(changes_session(sql), "{sql}");
        }
        for sql in ["SET LOCAL role reader", "UPDATE a SET b = 1", "-- SET\nSELECT 1"] {
            assert!(!changes_session(sql), "{sql}");
        }
    }
}
