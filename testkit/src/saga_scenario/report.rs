//! What a scenario says that does not hold: the story so far, what was expected, what was decided.

use std::fmt::Write;

use annals_sagas::{Decided, Errand, Outcome, Saga};

use super::SagaScenario;

impl<S: Saga> SagaScenario<S> {
    /// The story, and what is wrong with its last line.
    pub(super) fn report(&self, wrong: &str) -> String {
        let mut text = format!(
            "the scenario of `{}` of the saga `{}` does not hold\n",
            self.instance,
            S::NAME
        );
        for (number, chapter) in self.story.iter().enumerate() {
            line(&mut text, &format!("{}. {}", number + 1, chapter.told));
            for decided in &chapter.decided {
                line(&mut text, &format!("     it {}", words(decided)));
            }
            match &chapter.instead {
                Some(instead) => line(&mut text, &format!("     {instead}")),
                None if chapter.decided.is_empty() => line(&mut text, "     it decides nothing"),
                None => {}
            }
        }
        if self.story.is_empty() {
            line(&mut text, "nothing has been told it");
        }
        let ledger = self.live.ledger();
        line(&mut text, &format!("it is {} at {}", ledger.phase().as_str(), self.now));
        for (number, Errand { command, category, id, .. }) in ledger.waits_for() {
            line(&mut text, &format!("  command {number}, `{command}` of {category}-{id}, waits"));
        }
        for (deadline, at) in ledger.deadlines() {
            line(&mut text, &format!("  `{deadline}` comes at {at}"));
        }
        text.push_str("but (- expected, + decided)\n");
        text.push_str(wrong);
        text
    }
}

/// What was decided, behind "it".
pub(super) fn words(decided: &Decided) -> String {
    match decided {
        Decided::Send { errand: Errand { command, category, id, body, .. }, .. } => {
            format!("sends `{command}` to {category}-{id}: {body}")
        }
        Decided::Undo { of, errand: Errand { command, category, id, body, .. } } => {
            format!("undoes command {of} by `{command}` of {category}-{id}: {body}")
        }
        Decided::Wake { deadline, at } => format!("is woken by `{deadline}` at {at}"),
        Decided::CallOff { deadline } => format!("calls `{deadline}` off"),
        Decided::Complete => "completes, as soon as every reply is there".to_owned(),
        Decided::Compensate { reason } => format!("is compensated, because {reason}"),
        Decided::Stuck { command, reason } => {
            format!("is stuck: command {command}, which undoes another, was refused: {reason}")
        }
        Decided::End { outcome: Outcome::Completed } => "has ended, and all was done".to_owned(),
        Decided::End { outcome: Outcome::Compensated } => {
            "has ended, and all that was done was undone".to_owned()
        }
    }
}

fn line(text: &mut String, what: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "  {what}");
}
