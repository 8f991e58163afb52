//! Who does how much, day by day?

use annals::Date;
use annals::prelude::*;

use crate::events::WorkEvent;

/// The work of one person on one day.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "work_by_resource_and_day", index(day))]
pub(crate) struct WorkDay {
    /// The number of the person; [`NOBODY`] where the log names none.
    #[key]
    pub(crate) resource: String,
    #[key]
    pub(crate) day: Date,
    pub(crate) scheduled: u32,
    pub(crate) started: u32,
    pub(crate) completed: u32,
}

/// Stands for work without a person.
const NOBODY: &str = "(nobody)";

pub(crate) struct WorkByDay;

impl Projection for WorkByDay {
    type Event = WorkEvent;
    type Row = WorkDay;
    const NAME: &str = "work_by_resource_and_day";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<WorkEvent>) -> Keys<(String, Date)> {
        let day = match event.data {
            WorkEvent::Scheduled { day, .. }
            | WorkEvent::Started { day, .. }
            | WorkEvent::Completed { day, .. } => day,
        };
        (event.metadata.actor.as_deref().unwrap_or(NOBODY).to_owned(), day).into()
    }

    fn fold(&self, key: &(String, Date), row: &mut Option<WorkDay>, event: &Recorded<WorkEvent>) {
        let row = row.get_or_insert_with(|| WorkDay {
            resource: key.0.clone(),
            day: key.1,
            scheduled: 0,
            started: 0,
            completed: 0,
        });
        match event.data {
            WorkEvent::Scheduled { .. } => row.scheduled += 1,
            WorkEvent::Started { .. } => row.started += 1,
            WorkEvent::Completed { .. } => row.completed += 1,
        }
    }
}
