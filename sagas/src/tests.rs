//! A checkout with everything that can happen to it.

mod retelling;
mod timeline;

use std::time::Duration;

use annals_core::{
    Aggregate, Apply, Command, Decide, DecisionContext, Event, EventId, EventType, NewEvent,
    Payload, Position, Recorded, RecordedEvent, StreamId, StreamVersion,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Commands, Correlation, Decided, Errand, Flow, HappenedEvent, Input, Instance, InstanceError,
    OVERALL, Outcome, Phase, REMINDER, Saga, Steer, Step,
};

#[derive(Event)]
#[event(prefix = "order", crate = annals_core)]
enum OrderEvent {
    Placed { product: String, quick: bool },
    Paid,
}

#[derive(Aggregate, Default)]
#[aggregate(category = "thing", id = String, event = OrderEvent, error = std::fmt::Error, crate = annals_core)]
struct Thing;

impl Apply for Thing {
    fn apply(&mut self, _: &OrderEvent) {}
}

macro_rules! commands {
    ($($name:ident),*) => {$(
        #[derive(Command, Serialize, Deserialize)]
        #[command(aggregate = Thing, crate = annals_core)]
        struct $name;

        impl Decide<$name> for Thing {
            fn decide(&self, _: &$name, _: &DecisionContext) -> Result<Vec<OrderEvent>, std::fmt::Error> {
                Ok(vec![])
            }
        }
    )*};
}

commands!(Reserve, Release, Charge, Refund, Ship);

#[derive(Default)]
struct Checkout {
    product: String,
}

impl Saga for Checkout {
    type Event = OrderEvent;
    const NAME: &'static str = "checkout";
    const WITHIN: Duration = Duration::from_secs(3600);

    fn commands() -> Commands {
        Commands::of::<Reserve>().and::<Release>().and::<Charge>().and::<Refund>().and::<Ship>()
    }

    fn correlate(event: &Recorded<OrderEvent>) -> Vec<Correlation> {
        let id = event.stream.id();
        match &event.data {
            OrderEvent::Placed { .. } => vec![Correlation::start(id)],
            OrderEvent::Paid => vec![Correlation::continues(id)],
        }
    }

    fn on(&mut self, event: &Recorded<OrderEvent>, flow: &mut Flow) {
        match &event.data {
            OrderEvent::Placed { product, quick } => {
                self.product.clone_from(product);
                flow.send(product, &Reserve).undone_by(product, &Release);
                flow.send(product, &Charge).undone_by(product, &Refund);
                flow.wake_after("payment", Duration::from_secs(60));
                if *quick {
                    flow.complete();
                }
            }
            OrderEvent::Paid => {
                flow.call_off("payment");
                flow.send(&self.product, &Ship);
                flow.complete();
            }
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time")
}

fn event(event: &OrderEvent) -> Input {
    let new = NewEvent::of(event).expect("it can be written");
    let recorded = RecordedEvent {
        id: EventId::generate(),
        stream: StreamId::parse("order-17").expect("a name"),
        version: StreamVersion::new(1),
        position: Position::new(1),
        event_type: EventType::from_static(event.event_type()),
        schema_version: 1,
        payload: Payload::parse(new.payload.as_str()).expect("JSON"),
        recorded_at: at(0),
        occurred_at: at(0),
        metadata: std::sync::Arc::default(),
    };
    Input::Event(HappenedEvent::of(&recorded).expect("JSON"))
}

fn placed(quick: bool) -> Input {
    event(&OrderEvent::Placed { product: "tea".to_owned(), quick })
}

fn done(command: u64) -> Input {
    Input::Done { command }
}

fn refused(command: u64) -> Input {
    Input::Refused { command, reason: "sold out".to_owned() }
}

/// Takes inputs, one a second, and returns what each led to; every step is told again to another instance,
/// which must stand where this one does.
fn play(inputs: impl IntoIterator<Item = Input>) -> (Instance<Checkout>, Vec<Step>) {
    let (mut live, mut steps) = (Instance::<Checkout>::default(), Vec::new());
    for (second, input) in inputs.into_iter().enumerate() {
        let step = live.take(input, at(second as i64)).expect("it waits for it");
        let text = serde_json::to_string(&step).expect("it can be written");
        assert_eq!(serde_json::from_str::<Step>(&text).expect("it can be read"), step);
        steps.push(step);
        let mut told = Instance::<Checkout>::default();
        steps.iter().for_each(|step| told.fold(step).expect("it can be told again"));
        assert_eq!(told.ledger().phase(), live.ledger().phase());
        assert_eq!(told.ledger().deadlines(), live.ledger().deadlines());
        assert!(told.ledger().waits_for().eq(live.ledger().waits_for()));
        assert_eq!(told.state().product, live.state().product);
    }
    (live, steps)
}

/// The commands that a step sends, in words.
fn sent(step: &Step) -> Vec<String> {
    let sent = step.decided.iter().filter_map(|one| match one {
        Decided::Send { errand, .. } => Some(errand.command.clone()),
        Decided::Undo { of, errand } => Some(format!("{} for {of}", errand.command)),
        _ => None,
    });
    sent.collect()
}

fn ends(step: &Step) -> Option<Outcome> {
    step.decided.iter().find_map(|one| match one {
        Decided::End { outcome } => Some(*outcome),
        _ => None,
    })
}

#[test]
fn it_goes_well() {
    let paid = event(&OrderEvent::Paid);
    let (live, steps) = play([placed(false), done(1), done(2), paid, done(3)]);
    assert_eq!(sent(&steps[0]), ["reserve", "charge"]);
    assert_eq!(sent(&steps[3]), ["ship"]);
    assert_eq!(ends(&steps[3]), None, "a reply is to come");
    assert_eq!(ends(&steps[4]), Some(Outcome::Completed));
    assert_eq!(*live.ledger().phase(), Phase::Ended(Outcome::Completed));
    assert!(live.ledger().deadlines().is_empty(), "nothing wakes it any more");
}

#[test]
fn it_is_woken_by_what_it_set_and_by_the_end_of_its_time() {
    let (live, _) = play([placed(false)]);
    let deadlines: Vec<_> =
        live.ledger().deadlines().iter().map(|(name, at)| (&**name, *at)).collect();
    assert_eq!(deadlines, [(OVERALL, at(3600)), ("payment", at(60))]);
}

#[test]
fn what_was_done_is_undone_the_last_first() {
    let due = Input::Due { deadline: "payment".to_owned(), at: at(60) };
    let (live, steps) = play([placed(false), done(1), done(2), due, done(3), done(4)]);
    assert_eq!(sent(&steps[3]), ["refund for 2"]);
    assert_eq!(sent(&steps[4]), ["release for 1"]);
    assert_eq!(ends(&steps[5]), Some(Outcome::Compensated));
    assert!(live.ledger().deadlines().is_empty());
}

#[test]
fn what_is_not_undone_yet_is_brought_to_mind() {
    let due = Input::Due { deadline: "payment".to_owned(), at: at(60) };
    let (live, steps) = play([placed(false), done(1), done(2), due]);
    let reminder = live.ledger().deadlines()[REMINDER];
    assert_eq!(live.ledger().deadlines().len(), 1, "nothing else wakes it");
    let again = Input::Due { deadline: REMINDER.to_owned(), at: reminder };
    let begins = steps.into_iter().map(|step| step.input);
    let (live, steps) = play(begins.chain([again]));
    assert_eq!(sent(&steps[4]), [""; 0]);
    assert!(live.ledger().deadlines()[REMINDER] > reminder);
}

#[test]
fn what_is_not_known_to_be_done_is_waited_for() {
    let (_, steps) = play([placed(false), refused(2), done(1), done(3)]);
    assert_eq!(sent(&steps[1]), [""; 0], "whether 1 was done is not known");
    assert_eq!(sent(&steps[2]), ["release for 1"]);
    assert_eq!(ends(&steps[3]), Some(Outcome::Compensated));
    let (_, steps) = play([placed(false), refused(1), refused(2)]);
    assert_eq!(ends(&steps[2]), Some(Outcome::Compensated), "there is nothing to undo");
}

#[test]
fn a_refusal_after_it_was_complete_is_compensated_all_the_same() {
    let (_, steps) = play([placed(true), done(1), refused(2), done(3)]);
    assert_eq!(sent(&steps[2]), ["release for 1"]);
    assert_eq!(ends(&steps[3]), Some(Outcome::Compensated));
}

#[test]
fn what_cannot_be_undone_waits_for_a_person() {
    let due = Input::Due { deadline: "payment".to_owned(), at: at(60) };
    let begins = [placed(false), done(1), done(2), due, refused(3)];
    let (stuck, _) = play(begins.clone());
    assert!(
        matches!(stuck.ledger().phase(), Phase::Stuck { command: 3, .. }),
        "{:?}",
        stuck.ledger().phase()
    );
    let retry = Input::Steered(Steer::Retry { by: "ada".to_owned() });
    let (_, steps) = play(begins.clone().into_iter().chain([retry, done(4), done(5)]));
    assert_eq!(sent(&steps[5]), ["refund for 2"]);
    assert_eq!(sent(&steps[6]), ["release for 1"]);
    assert_eq!(ends(&steps[7]), Some(Outcome::Compensated));
    let resolve = Input::Steered(Steer::Resolve {
        by: "ada".to_owned(),
        note: "paid back by hand".to_owned(),
    });
    let (_, steps) = play(begins.into_iter().chain([resolve, done(4)]));
    assert_eq!(sent(&steps[5]), ["release for 1"]);
    assert_eq!(ends(&steps[6]), Some(Outcome::Compensated));
}

#[test]
fn people_and_time_can_end_it() {
    let cancel =
        Input::Steered(Steer::Cancel { by: "ada".to_owned(), reason: "it was a test".to_owned() });
    let over = Input::Due { deadline: OVERALL.to_owned(), at: at(3600) };
    for reason in [cancel, over] {
        let (_, steps) = play([placed(false), done(1), reason, done(2), done(3), done(4)]);
        assert_eq!(sent(&steps[2]), [""; 0]);
        assert_eq!(sent(&steps[3]), ["refund for 2"]);
        assert_eq!(sent(&steps[4]), ["release for 1"]);
        assert_eq!(ends(&steps[5]), Some(Outcome::Compensated));
    }
}

#[test]
fn what_it_does_not_wait_for_is_a_stray() {
    let stray = |begins: &[Input], last: Input| {
        let (mut live, _) = play(begins.to_vec());
        let error = live.take(last, at(99)).expect_err("it does not wait for it");
        assert!(matches!(error, InstanceError::Stray(_)), "{error}");
        error.to_string()
    };
    let whole = [placed(false), done(1), done(2), event(&OrderEvent::Paid), done(3)];
    assert!(stray(&whole, event(&OrderEvent::Paid)).contains("completed"));
    assert!(stray(&whole[..2], done(1)).contains("command 1"), "a reply counts once");
    assert!(stray(&whole[..1], done(3)).contains("command 3"), "it was never sent");
    let moved = Input::Due { deadline: "payment".to_owned(), at: at(61) };
    assert!(stray(&whole[..1], moved).contains("payment"));
    let retry = Input::Steered(Steer::Retry { by: "ada".to_owned() });
    assert!(stray(&whole[..1], retry).contains("undoes"));
}

/// The same saga after a change that only new steps know.
#[derive(Default)]
struct Changed(Vec<bool>);

impl Saga for Changed {
    type Event = OrderEvent;
    const NAME: &'static str = "checkout";
    const WITHIN: Duration = Checkout::WITHIN;

    fn commands() -> Commands {
        Checkout::commands()
    }

    fn correlate(event: &Recorded<OrderEvent>) -> Vec<Correlation> {
        Checkout::correlate(event)
    }

    fn on(&mut self, _: &Recorded<OrderEvent>, flow: &mut Flow) {
        self.0.push(flow.patched("gift-wrap"));
    }
}

#[test]
fn steps_of_the_program_before_go_on_as_they_went() {
    let (_, before) = play([placed(false), done(1), done(2)]);
    let mut changed = Instance::<Changed>::default();
    before.iter().for_each(|step| changed.fold(step).expect("it can be told again"));
    let new = changed.take(event(&OrderEvent::Paid), at(9)).expect("it waits for it");
    assert_eq!(changed.state().0, [false, true]);
    let mut again = Instance::<Changed>::default();
    before.iter().chain([&new]).for_each(|step| again.fold(step).expect("it can be told again"));
    assert_eq!(again.state().0, [false, true]);
}

/// The same saga, which ships an apology when it is undone.
#[derive(Default)]
struct Sorry(Checkout);

impl Saga for Sorry {
    type Event = OrderEvent;
    const NAME: &'static str = "checkout";
    const WITHIN: Duration = Checkout::WITHIN;

    fn commands() -> Commands {
        Checkout::commands()
    }

    fn correlate(event: &Recorded<OrderEvent>) -> Vec<Correlation> {
        Checkout::correlate(event)
    }

    fn on(&mut self, event: &Recorded<OrderEvent>, flow: &mut Flow) {
        self.0.on(event, flow);
    }

    fn undone(&self, reason: &str, flow: &mut Flow) {
        flow.send(&reason.to_owned(), &Ship).undone_by(&self.0.product, &Release);
        flow.wake_after("again", Duration::from_secs(1));
    }
}

#[test]
fn the_last_words_come_when_everything_is_undone() {
    let cancel =
        Input::Steered(Steer::Cancel { by: "ada".to_owned(), reason: "a test".to_owned() });
    let begins = [placed(false), done(1), cancel, refused(2), done(3)];
    for reply in [done(4), refused(4)] {
        let (mut live, mut steps) = (Instance::<Sorry>::default(), Vec::new());
        for input in begins.clone().into_iter().chain([reply]) {
            steps.push(live.take(input, at(0)).expect("it waits for it"));
        }
        assert_eq!(sent(&steps[3]), ["release for 1"]);
        assert_eq!((sent(&steps[4]), ends(&steps[4])), (vec!["ship".to_owned()], None));
        let Decided::Send { errand, undo: None } = &steps[4].decided[0] else {
            unreachable!("nothing undoes it")
        };
        assert_eq!((&*errand.id, steps[4].decided.len()), ("ada has cancelled it: a test", 1));
        assert_eq!(ends(&steps[5]), Some(Outcome::Compensated));
        let mut told = Instance::<Sorry>::default();
        steps.iter().for_each(|step| told.fold(step).expect("it can be told again"));
        assert_eq!(told.ledger().phase(), live.ledger().phase());
    }
}

/// Its command cannot be written.
#[derive(Default)]
struct Mistaken;

#[derive(Command)]
#[command(aggregate = Thing, crate = annals_core)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no words"))
    }
}

impl Decide<Unwritable> for Thing {
    fn decide(
        &self,
        _: &Unwritable,
        _: &DecisionContext,
    ) -> Result<Vec<OrderEvent>, std::fmt::Error> {
        Ok(vec![])
    }
}

impl Saga for Mistaken {
    type Event = OrderEvent;
    const NAME: &'static str = "mistaken";
    const WITHIN: Duration = Checkout::WITHIN;

    fn commands() -> Commands {
        Checkout::commands()
    }

    fn correlate(event: &Recorded<OrderEvent>) -> Vec<Correlation> {
        Checkout::correlate(event)
    }

    fn on(&mut self, event: &Recorded<OrderEvent>, flow: &mut Flow) {
        match &event.data {
            OrderEvent::Placed { product, .. } => drop(flow.send(product, &Unwritable)),
            OrderEvent::Paid => flow.call_off(OVERALL),
        }
    }
}

#[test]
fn a_mistake_of_the_program_is_told() {
    for (input, word) in [(placed(false), "no words"), (event(&OrderEvent::Paid), OVERALL)] {
        let mut live = Instance::<Mistaken>::default();
        let error = live.take(input, at(0)).expect_err("it cannot be").to_string();
        assert!(error.contains("mistaken") && error.contains(word), "{error}");
    }
}

#[test]
fn an_errand_is_the_command_as_json() {
    let errand = Errand::of::<Reserve>(&"tea".to_owned(), &Reserve).expect("it can be written");
    let Errand { command, category, id, .. } = errand;
    assert_eq!((&*command, &*category, &*id), ("reserve", "thing", "tea"));
}
