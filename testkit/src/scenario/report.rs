//! What a failed scenario says: the history, what was expected, what came.

use std::fmt::{Debug, Write};

pub(super) struct Report<'a, E> {
    pub(super) given: &'a [E],
}

impl<E: Debug + PartialEq> Report<'_, E> {
    /// Other events than expected.
    pub(super) fn events(&self, expected: &[E], actual: &[E]) -> String {
        let mut text = self.history();
        text.push_str("then these events should follow (- expected, + actual)\n");
        for place in 0..expected.len().max(actual.len()) {
            match (expected.get(place), actual.get(place)) {
                (Some(expected), Some(actual)) if expected == actual => {
                    line(&mut text, ' ', expected);
                }
                (expected, actual) => {
                    expected.into_iter().for_each(|event| line(&mut text, '-', event));
                    actual.into_iter().for_each(|event| line(&mut text, '+', event));
                }
            }
        }
        text
    }

    /// A refusal in place of events.
    pub(super) fn refused(&self, expected: &[E], error: &dyn Debug) -> String {
        let mut text = self.history();
        text.push_str("then these events should follow (- expected, + actual)\n");
        expected.iter().for_each(|event| line(&mut text, '-', event));
        line(&mut text, '+', &format_args!("the refusal {error:?}"));
        text
    }

    /// Another refusal than expected.
    pub(super) fn errors(&self, expected: &dyn Debug, actual: &dyn Debug) -> String {
        let mut text = self.history();
        text.push_str("then it should be refused (- expected, + actual)\n");
        line(&mut text, '-', expected);
        line(&mut text, '+', actual);
        text
    }

    /// Events in place of a refusal.
    pub(super) fn not_refused(&self, expected: &dyn Debug, actual: &[E]) -> String {
        let mut text = self.history();
        text.push_str("then it should be refused (- expected, + actual)\n");
        line(&mut text, '-', expected);
        actual.iter().for_each(|event| line(&mut text, '+', event));
        if actual.is_empty() {
            line(&mut text, '+', &format_args!("no events, and no refusal"));
        }
        text
    }

    fn history(&self) -> String {
        let mut text = "the scenario does not hold\ngiven\n".to_owned();
        self.given.iter().for_each(|event| line(&mut text, ' ', event));
        if self.given.is_empty() {
            line(&mut text, ' ', &format_args!("nothing"));
        }
        text.push_str("when it is decided\n");
        text
    }
}

fn line(text: &mut String, mark: char, what: &(impl Debug + ?Sized)) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{mark} {what:?}");
}
