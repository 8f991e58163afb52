//! The same history as on the other side.

use rusqlite::Connection;

use super::database::{Insert, stream};
use crate::Failure;
use crate::domain::{Movement, account};

/// How many events share a commit.
const CHUNK: u64 = 5_000;

/// Accounts take turns, so many events each.
pub(super) fn make(connection: &mut Connection, accounts: u64, each: u64) -> Result<(), Failure> {
    make_of(connection, accounts * each, |n| (n % accounts, n / accounts + 1))
}

/// So many events, each of the account with the number, and with the version there, that is said.
pub(super) fn make_of(
    connection: &mut Connection,
    count: u64,
    place: impl Fn(u64) -> (u64, u64),
) -> Result<(), Failure> {
    for chunk in (0..count).step_by(CHUNK as usize) {
        let transaction = connection.transaction()?;
        let mut insert = Insert::new(&transaction)?;
        for n in chunk..(chunk + CHUNK).min(count) {
            let (whose, version) = place(n);
            insert.event(&stream(account(whose)), version, &Movement::number(n))?;
        }
        drop(insert);
        transaction.commit()?;
    }
    Ok(())
}
