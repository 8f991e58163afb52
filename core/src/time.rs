//! Which points in time are kept, and how finely: the same in every store.

use std::fmt;

use jiff::Timestamp;

/// The earliest time that is kept, of events and in columns: the beginning of the year 0, as RFC 3339
/// writes years with four digits.
pub const EARLIEST_TIME: Timestamp = Timestamp::constant(-62_167_219_200, 0);

/// The latest time that is kept, of events and in columns: the latest whole second that `jiff` knows,
/// late on 30 December 9999.
pub const LATEST_TIME: Timestamp = Timestamp::constant(253_402_207_200, 0);

/// A time as it is kept: to the microsecond, because that is what databases keep.
///
/// Everything that goes into a store passes through here: when events happened and were recorded,
/// and the times in columns and keys.
///
/// ```
/// use annals_core::cut_time;
///
/// let time = "2026-11-27T10:00:00.123456789Z".parse().unwrap();
/// assert_eq!(cut_time(time).to_string(), "2026-11-27T10:00:00.123456Z");
/// ```
#[must_use]
pub fn cut_time(time: Timestamp) -> Timestamp {
    // Within the range that is kept, microseconds are always a timestamp.
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// Whether a time lies between [`EARLIEST_TIME`] and [`LATEST_TIME`].
pub(crate) fn is_kept(time: Timestamp) -> bool {
    (EARLIEST_TIME..=LATEST_TIME).contains(&cut_time(time))
}

/// The range of times, for messages.
pub(crate) struct KeptTimes;

impl fmt::Display for KeptTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "times from {EARLIEST_TIME} to {LATEST_TIME} are kept")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_that_of_four_digits() {
        assert_eq!(EARLIEST_TIME.to_string(), "0000-01-01T00:00:00Z");
        assert_eq!(LATEST_TIME.to_string(), "9999-12-30T22:00:00Z");
        for time in [EARLIEST_TIME, LATEST_TIME] {
            assert_eq!(Timestamp::from_microsecond(time.as_microsecond()).ok(), Some(time));
            assert!(is_kept(time));
        }
        assert!(!is_kept(Timestamp::MIN) && !is_kept(Timestamp::MAX));
    }
}
