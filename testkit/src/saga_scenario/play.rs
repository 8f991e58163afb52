//! An input is taken as in the log: through JSON, and by an instance that is folded from its steps.

use std::fmt::Debug;

use annals_sagas::{Decided, Input, Instance, InstanceError, OVERALL, REMINDER, Saga, Step};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Chapter, Last, SagaScenario};

/// So many steps are folded anew for every input; of longer stories, one of so many. In between, an instance is
/// told what the other was told.
const ANEW_UP_TO: usize = 32;

impl<S: Saga> SagaScenario<S> {
    /// Begins to tell something.
    pub(super) fn begin(&mut self, told: String) {
        self.story.push(Chapter { told, decided: Vec::new(), instead: None });
        self.last = Last::default();
    }

    /// Tells the instance an input.
    #[track_caller]
    pub(super) fn tell(&mut self, input: Input) {
        let input = self.through_json(&input, "what it is told");
        let steps = self.steps.len();
        if steps < ANEW_UP_TO || steps.is_multiple_of(ANEW_UP_TO) {
            self.again = self.folded();
        }
        let step = match self.live.take(input.clone(), self.now) {
            Ok(step) => step,
            Err(InstanceError::Stray(why)) => {
                // After an error nothing of the instance holds any more.
                self.live = self.folded();
                return self.stray(why);
            }
            Err(mistake) => panic!("{}", self.report(&format!("! {mistake}\n"))),
        };
        let step = self.through_json(&step, "the step");
        self.let_in(&step.decided);
        match self.again.take(input, self.now) {
            Ok(other) if other == step => {}
            other => panic!("{}", self.report(&impure(&step, &other))),
        }
        self.check_commands(&step);
        self.steps.push(serde_json::to_string(&step).expect("it was written before"));
    }

    /// The input is for nobody.
    pub(super) fn stray(&mut self, why: String) {
        if let Some(chapter) = self.story.last_mut() {
            chapter.instead = Some(format!("it is a stray: {why}"));
        }
        self.last.stray = Some(why);
    }

    /// What a test may see of what was decided.
    fn let_in(&mut self, decided: &[Decided]) {
        let own = |one: &&Decided| match one {
            Decided::Wake { deadline, .. } => ![OVERALL, REMINDER].contains(&deadline.as_str()),
            _ => true,
        };
        let decided: Vec<Decided> = decided.iter().filter(own).cloned().collect();
        if let Some(chapter) = self.story.last_mut() {
            chapter.decided.extend(decided.iter().cloned());
        }
        self.last.decided.extend(decided);
    }

    /// The instance as its steps say.
    #[track_caller]
    fn folded(&self) -> Instance<S> {
        let mut instance = Instance::default();
        for text in &self.steps {
            let step: Step = serde_json::from_str(text).expect("it was read before");
            if let Err(error) = instance.fold(&step) {
                panic!("{}", self.report(&format!("! it is not pure: {error}\n")));
            }
        }
        instance
    }

    #[track_caller]
    fn check_commands(&self, step: &Step) {
        let commands = S::commands();
        for decided in &step.decided {
            let errands = match decided {
                Decided::Send { errand, undo } => [Some(errand), undo.as_ref()],
                Decided::Undo { errand, .. } => [Some(errand), None],
                _ => [None, None],
            };
            for errand in errands.into_iter().flatten() {
                if !commands.knows(&errand.category, &errand.command) {
                    panic!(
                        "{}",
                        self.report(&format!(
                            "! `{}` of `{}` is none of its `commands`: add it there\n",
                            errand.command, errand.category
                        ))
                    );
                }
            }
        }
    }

    #[track_caller]
    fn through_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(
        &self,
        value: &T,
        what: &str,
    ) -> T {
        let text = match serde_json::to_string(value) {
            Ok(text) => text,
            Err(error) => {
                panic!("{}", self.report(&format!("! {what} cannot be written: {error}\n")))
            }
        };
        match serde_json::from_str::<T>(&text) {
            Ok(read) if read == *value => read,
            Ok(read) => panic!(
                "{}",
                self.report(&format!(
                    "! {what} changes on its way through {text}\n- {value:?}\n+ {read:?}\n"
                ))
            ),
            Err(error) => panic!(
                "{}",
                self.report(&format!("! {what} cannot be read back from {text}: {error}\n"))
            ),
        }
    }
}

/// Told the same, it decides otherwise.
fn impure(step: &Step, again: &Result<Step, InstanceError>) -> String {
    let other = match again {
        Ok(step) => format!("{:?}, with the changes {:?}", step.decided, step.patches),
        Err(error) => error.to_string(),
    };
    format!(
        "! the saga is not pure: an instance that was folded anew from the steps before was told the same, and \
         decided otherwise. Its state may follow from what it is told alone: no clock, no randomness, nothing that \
         is shared or comes in another order each time\n- {:?}, with the changes {:?}\n+ {other}\n",
        step.decided, step.patches
    )
}
