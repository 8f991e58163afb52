//! What people see of a breaker.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// Whether a breaker lets calls through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Calls go through, and are counted.
    Closed,
    /// None goes through.
    Open,
    /// As many as may probe go through.
    HalfOpen,
    /// An operator lets none through.
    ForcedOpen,
    /// An operator lets all through, whatever becomes of them.
    ForcedClosed,
}

impl BreakerState {
    /// As metrics and logs name it, e.g. `half_open`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
        }
    }

    /// As the gauge `annals_breaker_state` has it: 0 closed, 1 half-open, 2 open, 3 forced open, -1 forced
    /// closed.
    pub fn as_gauge(self) -> f64 {
        match self {
            Self::ForcedClosed => -1.0,
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
            Self::ForcedOpen => 3.0,
        }
    }
}

/// What a health page shows of a breaker.
///
/// ```
/// use annals_resilience::{BreakerOptions, BreakerState, CircuitBreaker};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let breaker = CircuitBreaker::new("nats", BreakerOptions::default());
/// breaker.down("connection reset");
/// let status = breaker.state();
/// assert_eq!((status.state, &*status.reason), (BreakerState::Open, "connection reset"));
/// assert_eq!(status.until, None, "until somebody says that it is up");
/// assert_eq!(status.to_string(), "has been open for 0ms (connection reset)");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerStatus {
    /// The breaker's name.
    pub name: Arc<str>,
    /// Whether it lets calls through.
    pub state: BreakerState,
    /// Since when.
    pub since: Instant,
    /// Why.
    pub reason: Arc<str>,
    /// When the next call may probe, where that is a matter of time.
    pub until: Option<Instant>,
}

impl fmt::Display for BreakerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |duration: Duration| format!("{}ms", duration.as_millis());
        let state = self.state.as_str().replace('_', " ");
        write!(f, "has been {state} for {} ({})", whole(self.since.elapsed()), self.reason)?;
        if let Some(until) = self.until {
            let left = until.saturating_duration_since(Instant::now());
            write!(f, ", and lets a call probe in {}", whole(left))?;
        }
        Ok(())
    }
}
