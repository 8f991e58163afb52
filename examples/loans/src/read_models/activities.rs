//! How often does each activity happen?

use annals::prelude::*;

use crate::events::{LoanEvent, Task, WorkEvent};

/// One activity in one phase of its life.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "activities")]
pub(crate) struct Activity {
    /// `application`, `offer` or `work`.
    #[key]
    pub(crate) family: String,
    /// A state, or a task.
    #[key]
    pub(crate) activity: String,
    /// `scheduled`, `started`, `completed`; states are only ever completed.
    #[key]
    pub(crate) phase: String,
    pub(crate) events: i64,
}

pub(crate) struct Activities;

impl Projection for Activities {
    type Event = LoanEvent;
    type Row = Activity;
    const NAME: &str = "activities";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<LoanEvent>) -> Keys<(String, String, String)> {
        let (family, state) = event.data.event_type().split_once('.').unwrap_or_default();
        let (activity, phase) = match &event.data {
            LoanEvent::Work(work) => (task(work).name(), state),
            _ => (state, "completed"),
        };
        (family.to_owned(), activity.to_owned(), phase.to_owned()).into()
    }

    fn fold(
        &self,
        key: &(String, String, String),
        row: &mut Option<Activity>,
        _: &Recorded<LoanEvent>,
    ) {
        let (family, activity, phase) = key.clone();
        row.get_or_insert(Activity { family, activity, phase, events: 0 }).events += 1;
    }
}

fn task(work: &WorkEvent) -> Task {
    match work {
        WorkEvent::Scheduled { task, .. }
        | WorkEvent::Started { task, .. }
        | WorkEvent::Completed { task, .. } => *task,
    }
}
