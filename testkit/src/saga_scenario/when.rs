//! What an instance is told.

use std::fmt::{Debug, Display};
use std::time::Duration;

use annals_core::{
    EventId, IdGenerator, NewEvent, Position, Recorded, RecordedEvent, StreamId, StreamVersion,
};
use annals_sagas::{HappenedEvent, Input, Saga, Steer};

use super::SagaScenario;
use crate::scenario::check_codec;

impl<S: Saga> SagaScenario<S>
where
    S::Event: Debug + PartialEq,
{
    /// An event has happened, whatever is decided on it.
    ///
    /// # Panics
    /// As [`when`](Self::when).
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn given(self, stream: &str, event: S::Event) -> Self {
        self.when(stream, event).then_whatever()
    }

    /// An event happens on a stream.
    ///
    /// # Panics
    /// With the story, when the event does not survive its stored form, the saga makes a mistake or is not pure, or
    /// something was decided before that nobody expected.
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn when(mut self, stream: &str, event: S::Event) -> Self {
        self.goes_on();
        check_codec(&event);
        let told = format!("when {event:?} happens on {stream}");
        let recorded = self.record(stream, &event);
        let happened = HappenedEvent::of(&recorded).expect("it has passed through JSON before");
        let typed = Recorded::<S::Event>::decode(recorded).expect("its form was checked before");
        let correlations = S::correlate(&typed);
        self.begin(told);
        self.last.concerns =
            correlations.iter().map(|correlation| correlation.instance().to_owned()).collect();
        // An instance is told an event once.
        match correlations.iter().find(|one| one.instance() == self.instance) {
            None => self.last.is_ignored = true,
            Some(correlation) => match correlation.stray(self.live.ledger().phase()) {
                Some(why) => self.stray(format!("`{}` of `{}` {why}", self.instance, S::NAME)),
                None => self.tell(Input::Event(happened)),
            },
        }
        self
    }

    /// The command of this name that waits longest for its reply was executed.
    ///
    /// # Panics
    /// As [`when`](Self::when), and when no such command waits.
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn when_done(self, command: &str) -> Self {
        self.replied(command, None, |command| Input::Done { command }, "was executed")
    }

    /// As [`when_done`](Self::when_done), of those that were sent to the aggregate of this id.
    ///
    /// # Panics
    /// As [`when_done`](Self::when_done).
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn when_done_by(self, command: &str, id: &impl Display) -> Self {
        let id = Some(id.to_string());
        self.replied(command, id, |command| Input::Done { command }, "was executed")
    }

    /// Every command that waits is executed, the oldest first, and so are those that are sent on that.
    ///
    /// # Panics
    /// As [`when`](Self::when).
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn when_all_done(mut self) -> Self {
        self.goes_on();
        self.begin("when everything that waits was executed".to_owned());
        loop {
            let next = self.live.ledger().waits_for().next().map(|(number, _)| number);
            let Some(command) = next else { return self };
            self.tell(Input::Done { command });
        }
    }

    /// The command of this name that waits longest for its reply was refused by the domain.
    ///
    /// # Panics
    /// As [`when_done`](Self::when_done).
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn when_refused(self, command: &str, reason: &str) -> Self {
        let refused = |command| Input::Refused { command, reason: reason.to_owned() };
        self.replied(command, None, refused, &format!("was refused: {reason}"))
    }

    /// As [`when_refused`](Self::when_refused), of those that were sent to the aggregate of this id.
    ///
    /// # Panics
    /// As [`when_done`](Self::when_done).
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn when_refused_by(self, command: &str, id: &impl Display, reason: &str) -> Self {
        let refused = |command| Input::Refused { command, reason: reason.to_owned() };
        let id = Some(id.to_string());
        self.replied(command, id, refused, &format!("was refused: {reason}"))
    }

    /// Time passes, and what is due by then comes, the earliest first, each at its time.
    ///
    /// # Panics
    /// As [`when`](Self::when).
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn when_time_passes(mut self, by: Duration) -> Self {
        self.goes_on();
        let until = self.now.checked_add(by).expect("the clock stays before the year 10000");
        self.begin(format!("when {by:?} pass"));
        loop {
            let deadlines = self.live.ledger().deadlines().iter();
            let next = deadlines.map(|(name, at)| (*at, name.clone())).min();
            let Some((at, deadline)) = next.filter(|(at, _)| *at <= until) else { break };
            self.now = self.now.max(at);
            self.tell(Input::Due { deadline, at });
        }
        self.now = until;
        self
    }

    /// A person cancels the flow.
    ///
    /// # Panics
    /// As [`when`](Self::when).
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn when_cancelled(self, by: &str, reason: &str) -> Self {
        let (by, reason) = (by.to_owned(), reason.to_owned());
        self.steered(Steer::Cancel { by, reason })
    }

    /// A person lets the command be tried again that undoes another and was refused.
    ///
    /// # Panics
    /// As [`when`](Self::when).
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn when_retried(self, by: &str) -> Self {
        self.steered(Steer::Retry { by: by.to_owned() })
    }

    /// A person has done what the command should have done that undoes another and was refused.
    ///
    /// # Panics
    /// As [`when`](Self::when).
    #[must_use = "say with `then` what is decided"]
    #[track_caller]
    pub fn when_resolved(self, by: &str, note: &str) -> Self {
        let (by, note) = (by.to_owned(), note.to_owned());
        self.steered(Steer::Resolve { by, note })
    }

    #[track_caller]
    fn steered(mut self, steer: Steer) -> Self {
        self.goes_on();
        self.begin(format!("when a person says {steer:?}"));
        self.tell(Input::Steered(steer));
        self
    }

    #[track_caller]
    fn replied(
        mut self,
        command: &str,
        id: Option<String>,
        reply: impl FnOnce(u64) -> Input,
        what: &str,
    ) -> Self {
        self.goes_on();
        let mut waiting = self.live.ledger().waits_for();
        let wanted = waiting.find(|(_, errand)| {
            errand.command == command && id.as_ref().is_none_or(|id| *id == errand.id)
        });
        let Some((number, errand)) = wanted else {
            let of = id.map(|id| format!(" of `{id}`")).unwrap_or_default();
            let why = format!("no `{command}`{of} waits for a reply");
            drop(waiting);
            panic!("{}", self.report(&format!("when `{command}`{of} {what}\n! {why}\n")));
        };
        let told = format!("when `{command}` of {}-{} {what}", errand.category, errand.id);
        drop(waiting);
        self.begin(told);
        self.tell(reply(number));
        self
    }

    /// The event as a store gives it back.
    #[track_caller]
    fn record(&mut self, stream: &str, event: &S::Event) -> RecordedEvent {
        let stream = match StreamId::parse(stream) {
            Ok(stream) => stream,
            Err(error) => panic!("`{stream}` is no stream: {error}"),
        };
        let new = NewEvent::of(event).expect("its form was checked before");
        let version = self.versions.entry(stream.clone()).or_insert(StreamVersion::NONE);
        *version = version.plus(1);
        self.position = Position::new(self.position.get() + 1);
        let new = new.with_id(EventId::new(self.ids.next()));
        new.record(stream, *version, self.position, self.now)
    }
}
