//! The same history as on the other side.

use rusqlite::Connection;

use super::database::{Insert, stream};
use crate::Failure;
use crate::domain::{Movement, account};

/// How many events share a commit.
const CHUNK: u64 = 5_000;

/// Accounts take turns, so many events each.
pub(super) fn make(connection: &mut Connection, accounts: u64, each: u64) -> Result<(), Failure> {
    let count = accounts * each;
    for chunk in (0..count).step_by(CHUNK as usize) {
        let transaction = connection.transaction()?;
        let mut insert = Insert::new(&transaction)?;
        for n in chunk..(chunk + CHUNK).min(count) {
            let stream = stream(account(n % accounts));
            insert.event(&stream, n / accounts + 1, &Movement::number(n))?;
        }
        drop(insert);
        transaction.commit()?;
    }
    Ok(())
}
