//! Telling recorded histories again: to a program, or to the rules that hold for every saga.

use std::fmt;

use crate::decision::Decided;
use crate::instance::{Instance, InstanceError};
use crate::ledger::Ledger;
use crate::recording::{History, Recording};
use crate::saga::Saga;
use crate::step::Step;
use crate::words;

/// What was told again, without a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// How many instances.
    pub instances: usize,
    /// How many steps they have.
    pub steps: usize,
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} instances, {} steps: no difference", self.instances, self.steps)
    }
}

/// The first step that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The saga.
    pub saga: String,
    /// The instance.
    pub instance: String,
    /// Which of its steps, from 1.
    pub step: u64,
    /// What it was told.
    pub told: String,
    /// The first decision that is another, as it stands in the recording.
    pub then: String,
    /// What is in its place now.
    pub now: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { saga, instance, step, told, then, now } = self;
        writeln!(f, "the saga `{saga}`, instance `{instance}`, step {step}: {told}")?;
        writeln!(f, "  then: {then}")?;
        write!(f, "  now:  {now}")
    }
}

/// Why a recording is not told again to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It is of another saga.
    #[error("the recording is of the saga `{recorded}`, and the program is `{program}`")]
    OtherSaga {
        /// Of which.
        recorded: String,
        /// The program's.
        program: &'static str,
    },
    /// There is nothing in it, so that nothing would be proven.
    #[error(
        "the recording has no instance of the saga `{0}`: record some, which `annals sagas record` does"
    )]
    Empty(String),
    /// Something is decided otherwise than it was recorded.
    #[error("{0}")]
    Difference(Box<Difference>),
    /// A step cannot be told: to this program, or to any.
    #[error("the saga `{saga}`, instance `{instance}`, step {step}: {told}: {why}")]
    Untold {
        /// The saga.
        saga: String,
        /// The instance.
        instance: String,
        /// Which of its steps, from 1.
        step: u64,
        /// What it was told.
        told: String,
        /// Why not.
        why: String,
    },
}

impl Recording {
    /// Tells each instance its inputs again on the program `S`, step by step, and compares what is decided with
    /// what was recorded. A step was told under the changes that held for it then, and is so again: see
    /// [`Flow::patched`](crate::Flow::patched). Nothing is sent, and no store is needed.
    ///
    /// # Errors
    /// [`ReplayError`]: the first difference, or the first step that this program cannot be told.
    pub fn replay<S: Saga>(&self) -> Result<Replayed, ReplayError> {
        if self.saga != S::NAME {
            return Err(ReplayError::OtherSaga { recorded: self.saga.clone(), program: S::NAME });
        }
        let commands = S::commands();
        self.each(|history, told| {
            let mut instance = Instance::<S>::default();
            for step in &history.steps {
                told.next(step);
                let now = instance.retake(step).map_err(|error| {
                    told.untold(match error {
                        InstanceError::Stray(why)
                        | InstanceError::Mistake { why, .. }
                        | InstanceError::Unreadable { why, .. } => why,
                    })
                })?;
                if now.decided != step.decided {
                    return Err(told.difference(&step.decided, &now.decided));
                }
                let sent = now.decided.iter().filter_map(Decided::errand);
                if let Some(unknown) =
                    sent.into_iter().find(|one| !commands.knows(&one.category, &one.command))
                {
                    let name = words::name(unknown);
                    return Err(
                        told.untold(format!("it sends {name}, which is none of its `commands`"))
                    );
                }
                told.fold(step)?;
            }
            Ok(())
        })
    }

    /// Checks what needs no program: that the steps of each instance follow from another by the rules that hold
    /// for every saga.
    ///
    /// # Errors
    /// [`ReplayError`]: the first step that does not.
    pub fn check(&self) -> Result<Replayed, ReplayError> {
        self.each(|history, told| {
            for step in &history.steps {
                told.next(step);
                keeps_the_rules(&told.ledger, step).map_err(|why| told.untold(why))?;
                told.fold(step)?;
            }
            Ok(())
        })
    }

    fn each(
        &self,
        mut tell: impl FnMut(&History, &mut Told<'_>) -> Result<(), ReplayError>,
    ) -> Result<Replayed, ReplayError> {
        if self.histories.is_empty() {
            return Err(ReplayError::Empty(self.saga.clone()));
        }
        let (mut instances, mut steps) = (0, 0);
        for history in &self.histories {
            let mut told = Told {
                saga: &self.saga,
                instance: &history.instance,
                ledger: Ledger::default(),
                words: String::new(),
            };
            tell(history, &mut told)?;
            (instances, steps) = (instances + 1, steps + history.steps.len());
        }
        Ok(Replayed { instances, steps })
    }
}

/// Where an instance stands in its recording.
struct Told<'h> {
    saga: &'h str,
    instance: &'h str,
    /// Before the step that is told.
    ledger: Ledger,
    /// What is told.
    words: String,
}

impl Told<'_> {
    fn next(&mut self, step: &Step) {
        self.words = words::told(&step.input, step.at, &self.ledger);
    }

    fn fold(&mut self, step: &Step) -> Result<(), ReplayError> {
        self.ledger.fold(step).map_err(|why| self.untold(why))
    }

    fn untold(&self, why: String) -> ReplayError {
        ReplayError::Untold {
            saga: self.saga.to_owned(),
            instance: self.instance.to_owned(),
            step: self.ledger.steps() + 1,
            told: self.words.clone(),
            why,
        }
    }

    fn difference(&self, then: &[Decided], now: &[Decided]) -> ReplayError {
        let same = then.iter().zip(now).take_while(|(then, now)| then == now).count();
        let sent = then[..same].iter().filter(|one| one.errand().is_some()).count() as u64;
        let number = self.ledger.sent() + sent + 1;
        let say = |one: Option<&Decided>| match one {
            Some(one) => words::decided(one, number),
            None => "nothing more".to_owned(),
        };
        let (then, now) = (then.get(same), now.get(same));
        let (mut then_said, mut now_said) = (say(then), say(now));
        // What is left out of the words makes the difference.
        if then_said == now_said {
            let json = |one: Option<&Decided>| serde_json::to_string(&one).unwrap_or_default();
            (then_said, now_said) = (json(then), json(now));
        }
        ReplayError::Difference(Box::new(Difference {
            saga: self.saga.to_owned(),
            instance: self.instance.to_owned(),
            step: self.ledger.steps() + 1,
            told: self.words.clone(),
            then: then_said,
            now: now_said,
        }))
    }
}

/// Whether a step that comes next keeps the rules: it was waited for, what was decided had an effect where the
/// flow stood, and all that follows by itself is there.
///
/// # Errors
/// What does not.
fn keeps_the_rules(ledger: &Ledger, step: &Step) -> Result<(), String> {
    let mut ledger = ledger.clone();
    ledger.hear(&step.input)?;
    for one in &step.decided {
        let by_itself = ledger.follows(step.at).as_ref() == Some(one);
        let of_the_rules = matches!(one, Decided::Undo { .. } | Decided::End { .. });
        if !by_itself && (of_the_rules || !ledger.heeds(one)) {
            let what = words::decided(one, ledger.sent() + 1);
            let stands = ledger.phase().as_str();
            return Err(format!("it {what}, which cannot be while it is {stands}"));
        }
        ledger.settle(one);
    }
    match ledger.follows(step.at) {
        None => Ok(()),
        Some(next) => {
            let next = words::decided(&next, ledger.sent() + 1);
            Err(format!("it does not say what follows by itself: it {next}"))
        }
    }
}
