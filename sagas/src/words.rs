//! What an instance is told, and what is decided on it, in words. Values of events and commands are left out,
//! because they may be personal.

use jiff::Timestamp;

use crate::decision::{Decided, Errand};
use crate::input::{Input, Steer};
use crate::ledger::{Ledger, Phase};

/// What was told at a time to an instance that stood so before.
pub(crate) fn told(input: &Input, at: Timestamp, before: &Ledger) -> String {
    match input {
        Input::Event(event) => format!(
            "{} of {}, version {}, position {}",
            event.event_type, event.stream, event.version, event.position
        ),
        Input::Done { command } => format!("{} was done", numbered(*command, before)),
        Input::Refused { command, reason } => {
            format!("{} was refused: {reason}", numbered(*command, before))
        }
        Input::Due { deadline, at: due } => {
            format!("the deadline `{deadline}` has come, {}", late(*due, at))
        }
        Input::Steered(Steer::Cancel { by, reason }) => format!("{by} cancels it: {reason}"),
        Input::Steered(Steer::Retry { by }) => format!("{by} retries it"),
        Input::Steered(Steer::Resolve { by, note }) => format!("{by} has resolved it: {note}"),
    }
}

/// What was decided. A command that is sent by it has this number.
pub(crate) fn decided(decided: &Decided, number: u64) -> String {
    match decided {
        Decided::Send { errand, undo: None } => format!("sends #{number} {}", name(errand)),
        Decided::Send { errand, undo: Some(undo) } => {
            format!("sends #{number} {}, undone by {}", name(errand), name(undo))
        }
        Decided::Undo { of, errand } => {
            format!("sends #{number} {}, which undoes #{of}", name(errand))
        }
        Decided::Wake { deadline, at } => format!("sets the deadline `{deadline}` until {at}"),
        Decided::CallOff { deadline } => format!("calls the deadline `{deadline}` off"),
        Decided::Complete => "is complete, as soon as every command is done".to_owned(),
        Decided::Compensate { reason } => format!("compensates: {reason}"),
        Decided::Stuck { command, reason } => {
            format!("is stuck: #{command}, which undoes another, was refused: {reason}")
        }
        Decided::End { outcome } => format!("ends: {}", Phase::Ended(*outcome).as_str()),
    }
}

/// A command that was sent.
pub(crate) fn numbered(command: u64, ledger: &Ledger) -> String {
    match ledger.command(command) {
        Some(open) => format!("#{command} {}", name(&open.errand)),
        None => format!("#{command}"),
    }
}

/// A command and its aggregate.
pub(crate) fn name(Errand { command, category, id, .. }: &Errand) -> String {
    format!("{command} → {category}-{id}")
}

fn late(due: Timestamp, at: Timestamp) -> String {
    match at.duration_since(due).as_secs_f64().max(0.0) {
        s if s < 120.0 => format!("{s:.3} s late"),
        s if s < 7_200.0 => format!("{:.0} min late", s / 60.0),
        s => format!("{:.1} h late", s / 3_600.0),
    }
}

/// On one line, whatever stands in it.
pub(crate) fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => line.extend(c.escape_debug()),
            false => line.push(c),
        }
    }
    line
}
