//! `annals sagas replay`.

use std::io;
use std::path::Path;

use annals::sagas::{Recording, RecordingError};
use serde::Serialize;

use crate::failure::Failure;
use crate::screen::{Screen, escaped};

#[derive(Serialize)]
struct Checked<'c> {
    saga: &'c str,
    instances: usize,
    steps: usize,
}

pub(in crate::commands) fn replay(file: &Path, screen: &mut Screen) -> Result<(), Failure> {
    let recording = match file == Path::new("-") {
        true => Recording::of(io::stdin().lock(), "the standard input"),
        false => Recording::read(file),
    };
    let recording = recording.map_err(|error| match error {
        RecordingError::Io { .. } => Failure::Io(error.to_string()),
        error => Failure::Refused(error.to_string()),
    })?;
    let checked = recording.check().map_err(|error| Failure::Refused(error.to_string()))?;
    let saga = recording.saga.as_str();
    if screen.is_json() {
        let (instances, steps) = (checked.instances, checked.steps);
        return screen.json(&Checked { saga, instances, steps });
    }
    let saga = escaped(saga);
    screen.line(&format!(
        "{saga}: {} instances, {} steps keep the rules that hold for every saga",
        checked.instances, checked.steps
    ))?;
    screen.line(
        "  whether the program decides the same is for a test of its own: \
         Recording::read(FILE)?.replay::<TheSaga>()?",
    )
}
