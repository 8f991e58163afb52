//! What the operator sees of a saga.

use std::time::Duration;

use annals_consumers::TimerRecord;
use jiff::Timestamp;

use crate::alarm::Alarm;
use crate::census::Census;
use crate::ledger::{OVERALL, Phase};

/// The gauges of one partition of a saga.
pub(super) struct Gauges {
    pub(super) saga: &'static str,
    pub(super) part: String,
    pub(super) within: Duration,
}

impl Gauges {
    /// What the partition has counted.
    pub(super) fn counted(&self, census: &Census) {
        for phase in Phase::OPEN {
            let (saga, part) = (self.saga, self.part.clone());
            metrics::gauge!("annals_saga_instances", "saga" => saga, "part" => part, "phase" => phase)
                .set(census.count(phase) as f64);
        }
    }

    /// The earliest timers, and how many of them are due.
    pub(super) fn looked(&self, now: Timestamp, timers: &[TimerRecord], due: usize) {
        let gauge = |name: &'static str| metrics::gauge!(name, "saga" => self.saga, "part" => self.part.clone());
        gauge("annals_saga_timers_due").set(due as f64);
        // Whoever was begun first must have ended first.
        let alarms = timers.iter().filter_map(|timer| serde_json::from_str(&timer.body.0).ok());
        let first =
            alarms.filter(|alarm: &Alarm| alarm.deadline == OVERALL).map(|alarm| alarm.at).next();
        let left = first.map_or(self.within, |at| {
            Duration::try_from(at.duration_since(now)).unwrap_or_default()
        });
        gauge("annals_saga_oldest_seconds").set(self.within.saturating_sub(left).as_secs_f64());
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        // Another program may have the partition.
        self.counted(&Census::default());
    }
}
