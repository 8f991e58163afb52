//! How many events one statement of a page asks for. The server sends what it was asked for, whatever
//! its size, so a page is asked for in portions that most likely fit into its bytes. Where one does not,
//! the connection is closed, so that the rest is not sent.

use std::sync::atomic::{AtomicUsize, Ordering};

use annals_core::RecordedEvent;

/// What an event is taken to have before any was read, in bytes: a first portion is small then.
const FIRST_GUESS: usize = 4 << 10;

/// The size of the events that were read last, which the next ones most likely have.
#[derive(Debug)]
pub(crate) struct EventSize(AtomicUsize);

impl Default for EventSize {
    fn default() -> Self {
        Self(AtomicUsize::new(FIRST_GUESS))
    }
}

impl EventSize {
    /// How many events to ask for, where so many and so many bytes are wanted.
    pub(crate) fn portion(&self, events: usize, bytes: usize) -> usize {
        let size = self.0.load(Ordering::Relaxed).max(1);
        (bytes / size + 1).min(events)
    }

    /// Remembers the size of events that were read.
    pub(crate) fn learn(&self, events: &[RecordedEvent]) {
        if events.is_empty() {
            return;
        }
        let bytes: usize = events.iter().map(RecordedEvent::bytes).sum();
        self.0.store(bytes / events.len() + 1, Ordering::Relaxed);
    }
}

/// What was read, and whether the server is still sending what nobody waits for.
pub(crate) struct Read<T> {
    pub(crate) page: T,
    pub(crate) cut_off: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_is_what_most_likely_fits() {
        let size = EventSize::default();
        assert_eq!(size.portion(10_000, 16 << 20), 4_097);
        assert_eq!(size.portion(10, 16 << 20), 10);
        assert_eq!(size.portion(10_000, 0), 1);
    }
}
