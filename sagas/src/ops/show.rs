//! An instance with all its steps.

use annals_core::store::{EventLog, StoreError};

use super::corrupt;
use crate::event::stream_of;
use crate::ledger::Ledger;
use crate::step::Step;
use crate::steps::read;
use crate::timeline::Timeline;

/// An instance, as its stream says.
#[derive(Debug)]
pub struct Shown {
    /// Which.
    pub instance: String,
    /// What is known of it.
    pub ledger: Ledger,
    /// Its steps, the oldest first.
    pub steps: Vec<Step>,
}

impl Shown {
    /// Its life as a text.
    pub fn timeline(&self) -> Timeline {
        Timeline::of(&self.steps)
    }
}

/// An instance with all its steps, if it ever began.
///
/// # Errors
/// [`StoreError`] when the store cannot be read, or holds what cannot be understood.
pub async fn show(
    log: &dyn EventLog,
    saga: &str,
    instance: &str,
) -> Result<Option<Shown>, StoreError> {
    let Ok(stream) = stream_of(saga, instance) else { return Ok(None) };
    let (mut ledger, mut steps) = (Ledger::default(), Vec::new());
    let keep = |step| {
        ledger.fold(&step)?;
        steps.push(step);
        Ok(())
    };
    read(log, &stream, keep).await.map_err(|unread| corrupt(&stream, unread))?;
    let instance = instance.to_owned();
    Ok((!steps.is_empty()).then_some(Shown { instance, ledger, steps }))
}
