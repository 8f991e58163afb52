//! When a breaker opens, for how long, and how it finds out that it may close.

use std::time::Duration;

/// When a breaker opens, for how long, and how it finds out that it may close.
///
/// ```
/// use std::time::Duration;
/// use annals_resilience::BreakerOptions;
///
/// let strict = BreakerOptions { in_a_row: Some(3), open_for: Duration::from_secs(30), ..BreakerOptions::default() };
/// assert_eq!(strict.failure_rate, Some(0.5));
/// let by_rate_alone = BreakerOptions { in_a_row: None, ..BreakerOptions::default() };
/// assert_eq!(by_rate_alone.at_least, 20);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerOptions {
    /// It opens when at least this part of the calls in the window have failed, from 0 to 1. Default a half.
    pub failure_rate: Option<f64>,
    /// How many calls the window must have seen before their rate says anything. Default 20.
    pub at_least: u32,
    /// The window. Default 10 s.
    pub window: Duration,
    /// It also opens after so many failures in a row, for those who make few calls. Default 5.
    pub in_a_row: Option<u32>,
    /// For how long it stays open before it lets probes through. Twice as long each time that probes fail,
    /// up to `open_at_most`. Default 5 s.
    pub open_for: Duration,
    /// The longest time it stays open before it lets probes through. Default 1 min.
    pub open_at_most: Duration,
    /// How many calls may probe whether it works again; when all have succeeded it closes, and when one fails
    /// it opens. At least 1. Default 3.
    pub probes: u32,
    /// After how long a probe that has not ended is given up: another call may probe in its place, and its
    /// end, should it come, says nothing. Default 30 s.
    pub probe_limit: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            failure_rate: Some(0.5),
            at_least: 20,
            window: Duration::from_secs(10),
            in_a_row: Some(5),
            open_for: Duration::from_secs(5),
            open_at_most: Duration::from_secs(60),
            probes: 3,
            probe_limit: Duration::from_secs(30),
        }
    }
}
