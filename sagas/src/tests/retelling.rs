//! Recorded histories, told again to the same program and to another.

use std::time::Duration;

use annals_core::Recorded;

use super::{Charge, Checkout, OrderEvent, Refund, Release, Reserve, Ship};
use super::{done, event, placed, play, refused};
use crate::{
    Commands, Correlation, Decided, Flow, History, Input, Outcome, Recording, ReplayError, Saga,
    Steer,
};

/// One that goes well, and one that is stuck for a while.
fn recorded() -> Recording {
    let well = [placed(false), done(1), done(2), event(&OrderEvent::Paid), done(3)];
    let cancel = Steer::Cancel { by: "ada".to_owned(), reason: "a test".to_owned() };
    let resolve = Steer::Resolve { by: "ada".to_owned(), note: "by hand".to_owned() };
    let back = [
        placed(false),
        done(1),
        Input::Steered(cancel),
        done(2),
        refused(3),
        Input::Steered(resolve),
        done(4),
    ];
    let histories = [well.to_vec(), back.to_vec()].map(|inputs| play(inputs).1);
    let named = ["17", "18"].into_iter().zip(histories);
    let histories = named.map(|(instance, steps)| History { instance: instance.to_owned(), steps });
    Recording { saga: "checkout".to_owned(), histories: histories.collect() }
}

/// The lines of a recording.
fn text(recording: &Recording) -> String {
    let header = Recording::header(&recording.saga).expect("it can be written");
    let lines = recording.histories.iter().map(|one| one.line().expect("it can be written"));
    std::iter::once(header).chain(lines).fold(String::new(), |text, line| text + &line + "\n")
}

#[test]
fn a_recording_comes_back_and_is_told_again() {
    let recording = recorded();
    let read = Recording::of(text(&recording).as_bytes(), "x").expect("it can be read");
    assert_eq!(read, recording);
    let replayed = read.replay::<Checkout>().expect("nothing has changed");
    assert_eq!((replayed.instances, replayed.steps), (2, 12));
    assert_eq!(read.check().expect("it keeps the rules"), replayed);
    assert_eq!(replayed.to_string(), "2 instances, 12 steps: no difference");
}

#[test]
fn what_is_no_recording_says_where_and_why() {
    let good = text(&recorded());
    let newer = good.replacen("\"format\":1", "\"format\":2", 1);
    let cut = &good[..good.len() - 10];
    let wrong = good.replacen("\"reserve\"", "7", 1);
    for (text, words) in [
        ("", &["checkout.ndjson, line 1", "empty"][..]),
        ("{", &["line 1", "no recording", "EOF"]),
        (r#"{"kind":"order","format":1}"#, &["line 1", "`order`"]),
        (&newer, &["checkout.ndjson", "format 2", "newer version"]),
        (cut, &["line 3", "EOF"]),
        (&wrong, &["line 2", "invalid type", "at column"]),
    ] {
        let error = Recording::of(text.as_bytes(), "checkout.ndjson").expect_err(words[0]);
        let said = error.to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    let error = Recording::read("/nowhere.ndjson").expect_err("there is none").to_string();
    assert!(error.starts_with("/nowhere.ndjson: "), "{error}");
}

/// A checkout in which something is changed.
macro_rules! changed {
    ($name:ident: |$flow:ident| $on_paid:block, $($command:ty),*) => {
        #[derive(Default)]
        struct $name(Checkout);

        impl Saga for $name {
            type Event = OrderEvent;
            const NAME: &'static str = "checkout";
            const WITHIN: Duration = Checkout::WITHIN;

            fn commands() -> Commands {
                Commands::default()$(.and::<$command>())*
            }

            fn correlate(event: &Recorded<OrderEvent>) -> Vec<Correlation> {
                Checkout::correlate(event)
            }

            fn on(&mut self, event: &Recorded<OrderEvent>, $flow: &mut Flow) {
                if matches!(event.data, OrderEvent::Paid) $on_paid
                self.0.on(event, $flow);
            }
        }
    };
}

changed!(Hasty: |flow| { flow.complete(); flow.send(&"tea".to_owned(), &Charge); },
    Reserve, Release, Charge, Refund, Ship);
changed!(Patched: |flow| { if flow.patched("twice") { flow.send(&"tea".to_owned(), &Charge); } },
    Reserve, Release, Charge, Refund, Ship);
changed!(Poorer: |_flow| {}, Reserve, Release, Charge, Refund);

#[test]
fn a_decision_that_differs_is_named() {
    let error = recorded().replay::<Hasty>().expect_err("it sends what was not sent");
    let ReplayError::Difference(difference) = &error else { panic!("{error}") };
    assert_eq!((&*difference.instance, difference.step), ("17", 4));
    assert_eq!(
        error.to_string(),
        "the saga `checkout`, instance `17`, step 4: order.paid of order-17, version 1, position 1\n  \
         then: calls the deadline `payment` off\n  now:  sends #3 charge → thing-tea"
    );
}

#[test]
fn a_difference_in_a_command_itself_is_shown() {
    let mut recording = recorded();
    let Decided::Send { errand, .. } = &mut recording.histories[0].steps[0].decided[1] else {
        panic!("it reserves")
    };
    errand.body = serde_json::json!({ "pieces": 2 });
    let error = recording.replay::<Checkout>().expect_err("it reserves something else").to_string();
    assert!(error.contains(r#"then: {"decided":"send""#) && error.contains("pieces"), "{error}");
}

#[test]
fn steps_of_the_program_before_are_told_as_it_knew_them() {
    recorded().replay::<Patched>().expect("old steps go on as they went");
}

#[test]
fn what_cannot_be_told_is_named() {
    let error = recorded().replay::<Poorer>().expect_err("it cannot ship").to_string();
    assert!(error.contains("`17`, step 4") && error.contains("none of its `commands`"), "{error}");
    let empty = Recording { histories: vec![], ..recorded() };
    assert_eq!(empty.replay::<Checkout>(), Err(ReplayError::Empty("checkout".to_owned())));
    let other = Recording { saga: "delivery".to_owned(), ..recorded() };
    let error = other.replay::<Checkout>().expect_err("it is another").to_string();
    assert!(error.contains("`delivery`") && error.contains("`checkout`"), "{error}");
    let mut unknown = recorded();
    let Input::Event(event) = &mut unknown.histories[1].steps[0].input else { panic!("an event") };
    event.event_type = "order.gone".to_owned();
    let error = unknown.replay::<Checkout>().expect_err("nobody knows it").to_string();
    assert!(error.contains("`18`, step 1: order.gone of order-17"), "{error}");
    unknown.check().expect("what it means is the program's affair");
}

#[test]
fn rules_that_are_broken_need_no_program() {
    let broken = |break_it: fn(&mut Vec<crate::Step>)| {
        let mut recording = recorded();
        break_it(&mut recording.histories[0].steps);
        recording.check().expect_err("the rules are broken").to_string()
    };
    let error = broken(|steps| drop(steps.remove(1)));
    assert!(
        error.contains("step 4") && error.contains("cannot be while it is completing"),
        "{error}"
    );
    let error = broken(|steps| steps[1].input = done(9));
    assert!(error.contains("step 2: #9 was done: no command 9 waits"), "{error}");
    let error =
        broken(|steps| steps[1].decided = vec![Decided::End { outcome: Outcome::Completed }]);
    assert!(error.contains("it ends: completed, which cannot be while it is running"), "{error}");
    let error = broken(|steps| drop(steps[4].decided.pop()));
    assert!(error.contains("it does not say what follows by itself: it ends"), "{error}");
}
