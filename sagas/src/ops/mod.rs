//! What people see of sagas and say to them, without the program that runs them.

mod names;
mod open;
mod rearm;
mod show;
mod steer;
mod wakeups;

pub use names::names;
pub use open::{Open, OpenPage, OpenQuery, State, list, open};
pub use rearm::rearm;
pub use show::{Shown, show};
pub(crate) use steer::say;
pub use steer::{SteerError, steer};
pub use wakeups::{Fault, Looked, look_at_instances, look_at_timers};

use annals_consumers::TimerRecord;
use annals_core::store::{EventLog, StoreError};
use annals_core::{StreamId, StreamVersion};

use crate::alarm::Alarm;
use crate::ledger::Ledger;
use crate::steps::{Unread, read};

/// How many timers are read at a time.
const AT_A_TIME: u32 = 1_000;

/// What stands in a timer of a saga.
fn alarm(saga: &str, timer: &TimerRecord) -> Result<Alarm, StoreError> {
    serde_json::from_str(&timer.body.0).map_err(|error| StoreError::Corrupt {
        place: format!("the timer `{}` of the saga `{saga}`", timer.key),
        detail: error.to_string(),
    })
}

/// What is known of an instance, and the version of its stream that says so.
async fn standing(
    log: &dyn EventLog,
    stream: &StreamId,
) -> Result<(Ledger, StreamVersion), StoreError> {
    let mut ledger = Ledger::default();
    let version = read(log, stream, |step| ledger.fold(&step)).await;
    let version = version.map_err(|unread| corrupt(stream, unread))?;
    Ok((ledger, version))
}

fn corrupt(stream: &StreamId, unread: Unread) -> StoreError {
    match unread {
        Unread::Store(error) => error,
        Unread::Corrupt { version, why: detail } => {
            let place = format!("version {version} of the stream `{stream}`");
            StoreError::Corrupt { place, detail }
        }
    }
}
