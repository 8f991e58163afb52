//! Commands at a time: the simplest saga there is, which waits and then sends one.

use std::time::Duration;

use annals_consumers::{SubscriberDefinition, ops};
use annals_core::store::{Append, StoreError, StreamQuery};
use annals_core::{
    Aggregate, Command, Event, ExpectedVersion, InvalidName, Journal, JournalError, NewEvent,
    Recorded, RegisterError, StreamId,
};
use jiff::Timestamp;

use crate::commands::{Commands, Travels};
use crate::correlation::Correlation;
use crate::decision::Errand;
use crate::definition::definitions_with;
use crate::flow::Flow;
use crate::input::Steer;
use crate::ledger::Phase;
use crate::ops::{SteerError, say, show};
use crate::saga::Saga;

/// The name of the saga that sends scheduled commands, for [`ops`](crate::ops): a command that is not sent yet
/// is called off by cancelling its instance.
pub const SCHEDULED: &str = "scheduled";

/// What stands in the log of a scheduled command.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "annals.scheduled", crate = annals_core)]
pub enum ScheduledEvent {
    /// A command is to be sent at a time.
    Set {
        /// The command.
        errand: Errand,
        /// When, by the store's clock.
        at: Timestamp,
    },
}

/// Why a command cannot be scheduled. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The name is used for another command, or for another time.
    #[error(
        "the name `{name}` is taken: it is used for `{command}` of `{to}` at {at}; take another, or call \
         that one off and take another"
    )]
    Taken {
        /// The name.
        name: String,
        /// The command that it is used for.
        command: String,
        /// To which aggregate that goes.
        to: String,
        /// When.
        at: Timestamp,
    },
    /// No program has ever run on this store that sends scheduled commands.
    #[error(
        "nobody sends scheduled commands on this store: say which there are with `schedules(Commands::of::<…>())` \
         in the program that runs on it"
    )]
    NobodySends,
    /// The command cannot be written as JSON.
    #[error("the command `{command}` cannot be written as JSON: {why}")]
    Unwritable {
        /// The command.
        command: &'static str,
        /// Why not.
        why: String,
    },
    /// It cannot be a name.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// The events of schedules do not fit this store.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// It could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sends a command to an aggregate at a time by the store's clock, once, under a name: again with the same
/// command and time it is the same. A time that is over sends it at once. It stands in the log, and is sent
/// though every program is stopped and started between.
///
/// # Errors
/// [`ScheduleError`]
pub async fn schedule<C: Travels>(
    journal: &Journal,
    (name, at): (&str, Timestamp),
    id: &<C::Aggregate as Aggregate>::Id,
    command: &C,
) -> Result<(), ScheduleError> {
    let errand = Errand::of(id, command).map_err(unwritable::<C>)?;
    let stream = StreamId::new(SCHEDULED, name)?;
    if ops::consumer(&**journal.stores().work(), SCHEDULED).await?.is_none() {
        return Err(ScheduleError::NobodySends);
    }
    journal.register::<ScheduledEvent>().await?;
    let set = ScheduledEvent::Set { errand, at };
    let event = NewEvent::of(&set).map_err(unwritable::<C>)?;
    let append = Append::to(stream.clone(), ExpectedVersion::NoStream, vec![event]);
    match journal.append(append).await {
        Ok(_) => Ok(()),
        Err(JournalError::Store(StoreError::Conflict { .. })) => {
            let first = journal.log().read_stream(&StreamQuery::all(stream).limit(1)).await?;
            let first = first.into_iter().next().map(Recorded::<ScheduledEvent>::decode);
            match first {
                Some(Ok(known)) if known.data == set => Ok(()),
                Some(Ok(known)) => {
                    let ScheduledEvent::Set { errand, at } = known.data;
                    let to = format!("{}-{}", errand.category, errand.id);
                    let (name, command) = (name.to_owned(), errand.command);
                    Err(ScheduleError::Taken { name, command, to, at })
                }
                Some(Err(error)) => Err(StoreError::refused(error).into()),
                None => Err(StoreError::Closed.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Calls a scheduled command off. When it is being sent at the same time, one of both wins.
///
/// # Errors
/// [`SteerError::Refused`] when there is none of this name, or it is sent already.
pub async fn call_off(
    journal: &Journal,
    name: &str,
    (by, reason): (&str, &str),
) -> Result<(), SteerError> {
    let log = &**journal.log();
    let why = match show(log, SCHEDULED, name).await? {
        Some(shown) => match shown.ledger.phase() {
            Phase::Running => None,
            phase => Some(format!("the scheduled command `{name}` is {}", phase.as_str())),
        },
        // It may be there, and nobody has looked at it yet.
        None => {
            let set = StreamQuery::all(StreamId::new(SCHEDULED, name)?).limit(1);
            let is_set = !log.read_stream(&set).await?.is_empty();
            (!is_set).then(|| format!("no command is scheduled under the name `{name}`"))
        }
    };
    match why {
        Some(why) => Err(SteerError::Refused(why)),
        None => {
            let steer = Steer::Cancel { by: by.to_owned(), reason: reason.to_owned() };
            say(journal, (SCHEDULED, name), steer).await
        }
    }
}

fn unwritable<C: Command>(why: impl std::fmt::Display) -> ScheduleError {
    ScheduleError::Unwritable { command: C::NAME, why: why.to_string() }
}

/// The consumers that send scheduled commands, which are among these.
pub fn scheduled(journal: &Journal, commands: Commands) -> [SubscriberDefinition; 2] {
    definitions_with::<Scheduled>(journal, commands)
}

#[derive(Default)]
struct Scheduled {
    errand: Option<Errand>,
}

impl Saga for Scheduled {
    type Event = ScheduledEvent;
    const NAME: &'static str = SCHEDULED;
    /// As long as there is time.
    const WITHIN: Duration = Duration::MAX;

    /// They are said when it is started.
    fn commands() -> Commands {
        Commands::default()
    }

    fn correlate(event: &Recorded<ScheduledEvent>) -> Vec<Correlation> {
        vec![Correlation::start(event.stream.id())]
    }

    fn on(&mut self, event: &Recorded<ScheduledEvent>, flow: &mut Flow) {
        let ScheduledEvent::Set { errand, at } = &event.data;
        self.errand = Some(errand.clone());
        flow.wake_at("its time", *at);
    }

    fn due(&mut self, _: &str, flow: &mut Flow) {
        if let Some(errand) = self.errand.take() {
            flow.send_errand(errand);
        }
        flow.complete();
    }
}
