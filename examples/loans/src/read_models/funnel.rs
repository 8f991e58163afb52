//! How many applications reached each state?

use annals::prelude::*;

use crate::events::ApplicationEvent;

/// A state of applications. No application of this log enters a state twice, so counting events
/// counts applications.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "status_funnel")]
pub(crate) struct State {
    #[key]
    pub(crate) state: String,
    pub(crate) applications: i64,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

pub(crate) struct StatusFunnel;

impl Projection for StatusFunnel {
    type Event = ApplicationEvent;
    type Row = State;
    const NAME: &str = "status_funnel";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<ApplicationEvent>) -> Keys<String> {
        state(&event.data).into()
    }

    fn fold(&self, state: &String, row: &mut Option<State>, event: &Recorded<ApplicationEvent>) {
        let row = row.get_or_insert_with(|| State {
            state: state.clone(),
            applications: 0,
            first_at: event.occurred_at,
            last_at: event.occurred_at,
        });
        row.applications += 1;
        row.first_at = row.first_at.min(event.occurred_at);
        row.last_at = row.last_at.max(event.occurred_at);
    }
}

/// The state an event leads to: the stored name without its family.
pub(super) fn state(event: &ApplicationEvent) -> String {
    event.event_type().trim_start_matches("application.").to_owned()
}
