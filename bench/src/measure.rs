//! What one measurement comes to.

use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{Failure, child};

/// What one process has measured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    events: u64,
    seconds: f64,
    /// How long each operation took; or since 1970, where two processes see one operation.
    nanoseconds: Vec<u64>,
    peak_rss_mb: f64,
}

impl Measured {
    /// How long each operation took, where that is found out when everything is over.
    pub(crate) fn with_times(mut self, times: Vec<Duration>) -> Self {
        self.nanoseconds = times.into_iter().map(|time| time.as_nanos() as u64).collect();
        self
    }
}

/// What all processes of one side have measured.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) events_per_s: f64,
    /// Of one operation: an append, a load, a command, from the append to its row.
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    /// Of the largest process.
    pub(crate) peak_rss_mb: f64,
}

impl Sample {
    /// Of processes that did the same at the same time: rates add up.
    pub(crate) fn together(processes: &[Measured]) -> Self {
        let rate = |one: &Measured| one.events as f64 / one.seconds;
        let times = processes.iter().flat_map(|one| &one.nanoseconds).copied().collect();
        Self::new(processes.iter().map(rate).sum(), times, processes)
    }

    /// Of a process that began each operation, and one that saw where it led.
    pub(crate) fn apart(processes: &[Measured]) -> Result<Self, Failure> {
        let [begun, seen] = processes else {
            return Err("an operation is begun by one process and seen by another".into());
        };
        if begun.nanoseconds.len() != seen.nanoseconds.len() {
            let (begun, seen) = (begun.nanoseconds.len(), seen.nanoseconds.len());
            return Err(format!("{begun} operations were begun, {seen} were seen").into());
        }
        let pairs = begun.nanoseconds.iter().zip(&seen.nanoseconds);
        let times = pairs.map(|(begun, seen)| seen.saturating_sub(*begun)).collect();
        Ok(Self::new(begun.events as f64 / begun.seconds, times, processes))
    }

    fn new(events_per_s: f64, mut times: Vec<u64>, processes: &[Measured]) -> Self {
        times.sort_unstable();
        let percentile = |percent: usize| {
            let place = (times.len() * percent / 100).min(times.len().checked_sub(1)?);
            times.get(place).map(|&nanoseconds| nanoseconds as f64 / 1e6)
        };
        Self {
            events_per_s,
            p50_ms: percentile(50),
            p99_ms: percentile(99),
            peak_rss_mb: processes.iter().map(|one| one.peak_rss_mb).fold(0.0, f64::max),
        }
    }
}

/// The time of a whole and of its parts.
pub(crate) struct Stopwatch {
    begun: Instant,
    nanoseconds: Vec<u64>,
}

impl Stopwatch {
    /// Starts when all processes of this side have come so far.
    pub(crate) fn start() -> Result<Self, Failure> {
        child::wait_for_start()?;
        Ok(Self { begun: Instant::now(), nanoseconds: Vec::new() })
    }

    pub(crate) fn add(&mut self, part: Duration) {
        self.nanoseconds.push(part.as_nanos() as u64);
    }

    pub(crate) fn add_all(&mut self, parts: Vec<Duration>) {
        self.nanoseconds.extend(parts.iter().map(|part| part.as_nanos() as u64));
    }

    /// The time of the day, which another process can compare with its own.
    pub(crate) fn stamp(&mut self) -> Result<(), Failure> {
        self.add(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?);
        Ok(())
    }

    /// Stops. Reads the process's peak of memory, so results are best checked after this.
    pub(crate) fn stop(self, events: u64) -> Result<Measured, Failure> {
        Ok(Measured {
            events,
            seconds: self.begun.elapsed().as_secs_f64(),
            nanoseconds: self.nanoseconds,
            peak_rss_mb: peak_rss_mb()?,
        })
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
