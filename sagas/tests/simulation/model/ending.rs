//! What must be true when everything is over.

use annals_sagas::Instance;
use serde_json::Value;

use super::flow::{Command, Phase, Told};
use super::{Effect, Model, Says};
use crate::cover::Happened;
use crate::domain::Fact;
use crate::flows::Flows;

impl Model {
    /// Whether every flow that was to begin has ended.
    pub(crate) fn is_over(&self) -> bool {
        let ended = |flow: &str| {
            self.flows
                .get(flow)
                .is_some_and(|told| matches!(told.phase, Phase::Completed | Phase::Compensated))
        };
        self.begun().into_iter().all(ended)
    }

    /// Looks at everything, and returns how many events no flow was told, each as often as it concerns one.
    ///
    /// # Errors
    /// What is not as it should be.
    pub(crate) fn ends(&mut self) -> Result<u64, String> {
        let begun = self.begun();
        let missing = begun.iter().find(|flow| !self.flows.contains_key(**flow));
        if let Some(flow) = missing {
            return Err(format!("flow {flow} was to begin and never did"));
        }
        let mut effects = 0;
        for (name, told) in &self.flows {
            let ended = self.ended(told).and_then(|()| told.folds());
            ended.map_err(|why| format!("flow {name}: {why}; {told:#?}"))?;
            for (number, command) in &told.commands {
                let had = self.effects_of(told, *number, command);
                effects += had.map_err(|why| format!("flow {name}, command {number}: {why}"))?;
            }
        }
        let all: usize = self.effects.values().map(Vec::len).sum();
        if all != effects {
            return Err(format!("there are {all} effects, and {effects} that were sent for"));
        }
        let strays = self.strays()?;
        self.cover.count_all(Happened::Stray, strays);
        Ok(strays)
    }

    fn ended(&self, told: &Told) -> Result<(), String> {
        let undoings =
            |of: u64| told.commands.values().filter(move |command| command.of == Some(of));
        let refused_late = told.steps.iter().position(|step| {
            step.decided.iter().any(|decided| matches!(decided, annals_sagas::Decided::Complete))
        });
        let refused_late = refused_late.is_some_and(|complete| {
            told.steps[complete + 1..]
                .iter()
                .any(|step| matches!(step.input, annals_sagas::Input::Refused { .. }))
        });
        match told.phase {
            Phase::Completed => {
                let undone = told.commands.values().any(|command| command.of.is_some());
                if undone || refused_late {
                    return Err("it was completed, and not all of it stands".to_owned());
                }
            }
            Phase::Compensated => {
                for (number, command) in
                    told.commands.iter().filter(|(_, command)| command.of.is_none())
                {
                    let stood = command.done == Some(true) && command.undo.is_some();
                    let undone = undoings(*number).filter(|undo| undo.done == Some(true)).count();
                    let resolved = usize::from(told.resolved.contains(number));
                    let tried = undoings(*number).count();
                    if undone + resolved != usize::from(stood) || (!stood && tried > 0) {
                        return Err(format!(
                            "command {number} was undone {undone} times and resolved {resolved} times"
                        ));
                    }
                }
                let undone = told.commands.values().filter(|command| command.done == Some(true));
                let order: Vec<_> = undone.filter_map(|command| command.of).collect();
                if !order.is_sorted_by(|before, after| before > after) {
                    return Err(format!("it was undone in the order {order:?}"));
                }
            }
            _ => return Err("it has not ended".to_owned()),
        }
        Ok(())
    }

    /// How many effects a command had: one if it was done and is not silent.
    fn effects_of(&self, told: &Told, number: u64, command: &Command) -> Result<usize, String> {
        let replies = self.replies.get(&(told.name.clone(), number)).map_or(&[][..], Vec::as_slice);
        if replies.len() != 1 || replies.first() != command.done.as_ref() {
            return Err(format!("its replies are {replies:?}; it was told {:?}", command.done));
        }
        let sent_by = command.sent_by.ok_or("it was decided and never sent")?.to_string();
        let effects: &[Effect] = self.effects.get(&sent_by).map_or(&[], Vec::as_slice);
        let body = &command.errand.body;
        let silent = body.get("silent") == Some(&Value::Bool(true));
        let wanted = usize::from(command.done == Some(true) && !silent);
        if effects.len() != wanted {
            return Err(format!("{} effects and not {wanted}: {effects:?}", effects.len()));
        }
        for Effect { position, stream, fact } in effects {
            let (key, undoes) = match fact {
                Fact::Did { key, .. } => (*key, false),
                Fact::Undid { key } => (*key, true),
                other => return Err(format!("it led to {other:?}")),
            };
            let place = format!("{}-{}", command.errand.category, command.errand.id);
            let fits = *stream == place && body.get("key") == Some(&key.into());
            if !fits || undoes != command.of.is_some() {
                return Err(format!("at {position} of the log it led to {fact:?} of {stream}"));
            }
        }
        Ok(wanted)
    }

    /// Each event was told to each flow that it concerns, unless the flow had not begun or had ended; returns how
    /// often.
    fn strays(&mut self) -> Result<u64, String> {
        let (mut strays, mut too_late) = (0, 0);
        for (id, said) in &self.said {
            for flow in &said.to {
                let Some(told) = self.flows.get(flow) else {
                    strays += 1;
                    continue;
                };
                if told.events.iter().any(|(known, _)| known == id) {
                    continue;
                }
                let (first, last) = (told.events.first().map(|(_, at)| *at), told.last_event());
                let came_between = first < Some(said.position) && Some(said.position) < last;
                match &said.says {
                    Says::Steered(_) => too_late += 1,
                    Says::Replied { number, .. } => {
                        return Err(format!("flow {flow} was never told the reply to {number}"));
                    }
                    Says::Fact { begins, again } => {
                        let begins_it = *begins && Some(said.position) < first;
                        if begins_it || (came_between && *again) {
                            return Err(format!(
                                "flow {flow} was never told the event at {} of the log, but others from {first:?} \
                                 to {last:?}",
                                said.position
                            ));
                        }
                        strays += 1;
                    }
                }
            }
        }
        self.cover.count_all(Happened::TooLate, too_late);
        Ok(strays)
    }
}

impl Told {
    /// The crate, given the inputs again, decides the same; and given the steps, it stands where this model does.
    fn folds(&self) -> Result<(), String> {
        let (mut taken, mut folded) = (Instance::<Flows>::default(), Instance::<Flows>::default());
        for (number, step) in self.steps.iter().enumerate() {
            let again =
                taken.take(step.input.clone(), step.at).map_err(|error| error.to_string())?;
            if (&again.decided, &again.patches) != (&step.decided, &step.patches) {
                return Err(format!(
                    "step {number} is decided otherwise the second time: {again:?}"
                ));
            }
            folded.fold(step).map_err(|error| error.to_string())?;
        }
        let (ledger, live) = (folded.ledger(), taken.ledger());
        let stands = ledger.phase() == live.phase()
            && ledger.phase().as_str() == self.phase.word()
            && *ledger.deadlines() == self.deadlines
            && *live.deadlines() == self.deadlines
            && ledger.sent() == self.commands.len() as u64
            && ledger.steps() == self.steps.len() as u64
            && folded.state() == taken.state()
            && self.events.iter().all(|(event, _)| ledger.has_heard(*event));
        match stands {
            true => Ok(()),
            false => Err(format!("folded again it is {ledger:?} with {:?}", folded.state())),
        }
    }
}
