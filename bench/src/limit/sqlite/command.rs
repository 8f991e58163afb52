//! `command`: fold, or look the state up in a map; decide; insert.

use std::collections::HashMap;
use std::time::Instant;

use rusqlite::Connection;

use super::database::{Fold, Insert, stream};
use crate::Failure;
use crate::domain::{Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{HISTORY, Task};

pub(super) fn measure(
    connection: &Connection,
    task: &Task,
    cached: bool,
) -> Result<Measured, Failure> {
    let mut fold = Fold::new(connection)?;
    let mut insert = Insert::new(connection)?;
    let mut begin = connection.prepare("BEGIN IMMEDIATE")?;
    let mut commit = connection.prepare("COMMIT")?;
    let mut states = HashMap::new();
    if cached {
        for n in 0..task.events {
            let id = account(n);
            states.insert(id, fold.account(&stream(id))?);
        }
    }
    let mut watch = Stopwatch::start()?;
    for n in 0..task.events {
        let begun = Instant::now();
        let id = account(n);
        let stream = stream(id);
        let mut state = match states.remove(&id) {
            Some(state) => state,
            None => fold.account(&stream)?,
        };
        let movement = state.decide(Movement::number(n))?;
        begin.execute([])?;
        insert.event(&stream, state.movements + 1, &movement)?;
        commit.execute([])?;
        state.take_in(&movement);
        if cached {
            states.insert(id, state);
        }
        watch.add(begun.elapsed());
    }
    let measured = watch.stop(task.events)?;
    let last = fold.account(&stream(account(task.events - 1)))?;
    if last.movements != HISTORY + 1 {
        return Err(format!("{} events after the command", last.movements).into());
    }
    Ok(measured)
}
