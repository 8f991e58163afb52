//! The life of an instance as a text.

use super::{Checkout, OrderEvent};
use super::{at, done, event, placed, play, refused};
use crate::{Input, Instance, Steer, Timeline};

#[test]
fn it_says_what_was_told_and_decided_and_what_is_waited_for() {
    let due = Input::Due { deadline: "payment".to_owned(), at: at(60) };
    let retry = Input::Steered(Steer::Retry { by: "ada\n".to_owned() });
    let (_, mut all) = play([placed(false), done(1), done(2), due, refused(3), retry]);
    // It was dealt with late.
    all[3].at = at(61);
    assert_eq!(
        Timeline::of(&all).lines(),
        [
            "1  1970-01-01T00:00:00Z         order.placed of order-17, version 1, position 1",
            "     sets the deadline `(overall)` until 1970-01-01T01:00:00Z",
            "     sends #1 reserve → thing-tea, undone by release → thing-tea",
            "     sends #2 charge → thing-tea, undone by refund → thing-tea",
            "     sets the deadline `payment` until 1970-01-01T00:01:00Z",
            "2  1970-01-01T00:00:01Z         #1 reserve → thing-tea was done",
            "3  1970-01-01T00:00:02Z         #2 charge → thing-tea was done",
            "4  1970-01-01T00:01:01Z         the deadline `payment` has come, 1.000 s late",
            "     compensates: `payment` has come",
            "     sets the deadline `(reminder)` until 1970-01-01T01:00:03Z",
            "     sends #3 refund → thing-tea, which undoes #2",
            "5  1970-01-01T00:00:04Z         #3 refund → thing-tea was refused: sold out",
            "     is stuck: #3, which undoes another, was refused: sold out",
            r"6  1970-01-01T00:00:05Z         ada\n retries it",
            "     sends #4 refund → thing-tea, which undoes #2",
            "waits for #4 refund → thing-tea since 1970-01-01T00:00:05Z",
            "is woken by `(reminder)` at 1970-01-01T01:00:03Z",
        ]
    );
    let stuck = Timeline::of(&all[..5]).to_string();
    assert!(
        stuck.contains("waits for a person: #3 refund → thing-tea was refused: sold out\n"),
        "{stuck}"
    );
}

#[test]
fn what_has_ended_waits_for_nothing() {
    let (_, steps) = play([placed(false), done(1), done(2), event(&OrderEvent::Paid), done(3)]);
    let timeline = Timeline::of(&steps);
    assert_eq!(timeline.lines().last().map(String::as_str), Some("     ends: completed"));
    assert!(timeline.to_string().contains("     calls the deadline `payment` off\n"), "{timeline}");
}

#[test]
fn steps_that_do_not_fit_are_shown_all_the_same() {
    let mut instance = Instance::<Checkout>::default();
    let mut step = instance.take(placed(true), at(0)).expect("it begins");
    step.input = done(7);
    let timeline = Timeline::of(&[step]).to_string();
    assert!(timeline.contains("#7 was done"), "{timeline}");
    assert!(timeline.contains("does not fit the steps before it: no command 7"), "{timeline}");
}
