//! `import`: the way histories are made here, 5,000 inserts a commit.

use rusqlite::Connection;

use super::history;
use crate::Failure;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, imported};

pub(super) fn measure(connection: &mut Connection, task: &Task) -> Result<Measured, Failure> {
    let (accounts, each) = imported(task);
    let watch = Stopwatch::start()?;
    history::make(connection, accounts, each)?;
    watch.stop(accounts * each)
}
