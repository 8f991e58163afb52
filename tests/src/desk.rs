//! Tasks that are done in time, or are reminded of: a flow that is all deadlines.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use annals::prelude::*;
use annals::sagas::{Commands, Correlation, Flow, Saga};
use serde::{Deserialize, Serialize};

/// What happens to tasks.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "desk")]
#[allow(missing_docs, reason = "the names say it")]
pub enum DeskEvent {
    Opened { due_in_ms: u64 },
    Finished,
    Mentioned { tasks: Vec<String> },
    Reminded,
    Closed,
    Noted,
}

/// A task.
#[derive(Aggregate, Default)]
#[aggregate(category = "task", id = String, event = DeskEvent, error = std::convert::Infallible)]
pub struct Task;

impl Apply for Task {
    fn apply(&mut self, _: &DeskEvent) {}
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident => $event:expr),*) => {$(
        $(#[$doc])*
        #[derive(Command, Serialize, Deserialize)]
        #[command(aggregate = Task)]
        pub struct $name;

        impl Decide<$name> for Task {
            fn decide(
                &self,
                _: &$name,
                _: &DecisionContext,
            ) -> Result<Vec<DeskEvent>, std::convert::Infallible> {
                Ok(vec![$event])
            }
        }
    )*};
}

commands! {
    /// Its time was over.
    Remind => DeskEvent::Reminded,
    /// It was done in time.
    Close => DeskEvent::Closed,
    /// It was mentioned.
    Note => DeskEvent::Noted
}

/// Tasks whose mentions hit a fault of the program, while they stand here.
pub static BROKEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Reminds of a task that is not done in time.
#[derive(Default)]
pub struct Reminders {
    task: String,
}

impl Saga for Reminders {
    type Event = DeskEvent;
    const NAME: &'static str = "reminders";
    const WITHIN: Duration = Duration::from_secs(24 * 3600);
    const PARTITIONS: u32 = 4;

    fn commands() -> Commands {
        Commands::of::<Remind>().and::<Close>().and::<Note>()
    }

    fn correlate(event: &Recorded<DeskEvent>) -> Vec<Correlation> {
        match &event.data {
            DeskEvent::Opened { .. } => vec![Correlation::start(event.stream.id())],
            DeskEvent::Finished => vec![Correlation::continues(event.stream.id())],
            DeskEvent::Mentioned { tasks } => tasks.iter().map(Correlation::continues).collect(),
            _ => vec![],
        }
    }

    fn on(&mut self, event: &Recorded<DeskEvent>, flow: &mut Flow) {
        match &event.data {
            DeskEvent::Opened { due_in_ms } => {
                event.stream.id().clone_into(&mut self.task);
                flow.wake_after("due", Duration::from_millis(*due_in_ms));
            }
            DeskEvent::Finished => {
                flow.send(&self.task, &Close);
                flow.complete();
            }
            DeskEvent::Mentioned { .. } => {
                let broken = BROKEN.lock().is_ok_and(|broken| broken.contains(&self.task));
                assert!(!broken, "a fault of the program");
                flow.send(&self.task, &Note);
            }
            _ => {}
        }
    }

    fn due(&mut self, _: &str, flow: &mut Flow) {
        flow.send(&self.task, &Remind);
        flow.complete();
    }
}
