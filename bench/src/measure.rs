//! What one measurement comes to.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Failure;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) events_per_s: f64,
    /// Of one operation: an append, a load, a command, from the append to its row.
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) peak_rss_mb: f64,
}

/// The time of a whole and of its parts.
pub(crate) struct Stopwatch {
    begun: Instant,
    parts: Vec<Duration>,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now(), parts: Vec::new() }
    }

    pub(crate) fn add(&mut self, part: Duration) {
        self.parts.push(part);
    }

    pub(crate) fn add_all(&mut self, parts: Vec<Duration>) {
        self.parts.extend(parts);
    }

    /// Stops. Reads the process's peak of memory, so results are best checked after this.
    pub(crate) fn stop(mut self, events: u64) -> Result<Sample, Failure> {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.parts.sort_unstable();
        Ok(Sample {
            events_per_s: events as f64 / seconds,
            p50_ms: self.percentile(50),
            p99_ms: self.percentile(99),
            peak_rss_mb: peak_rss_mb()?,
        })
    }

    fn percentile(&self, percent: usize) -> Option<f64> {
        let place = (self.parts.len() * percent / 100).min(self.parts.len().checked_sub(1)?);
        self.parts.get(place).map(|part| part.as_secs_f64() * 1_000.0)
    }
}

/// The most memory this process has had, as the kernel counts it.
fn peak_rss_mb() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes: f64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("/proc/self/status has no line VmHWM: peak memory can be read on Linux only")?
        .parse()?;
    Ok(kibibytes / 1_024.0)
}
