//! When a state is kept, and in which shape.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Aggregate;
use crate::event::Event;
use crate::fingerprint::Fingerprint;
use crate::payload::Payload;

/// Keeps the state every so many events. A kept state is only read by the same state: of the same
/// name, the same version, and declaring the same events. Any other is ignored and replaced, so the
/// state may change freely, as long as its version tells.
#[derive(Debug)]
pub struct SnapshotPolicy<A> {
    /// The name of the state: two states that are folded from the same streams have different
    /// names. The derive takes the type's own name in snake case, or the one in
    /// `snapshot(name = "…")`; another name leaves the snapshots behind.
    pub name: &'static str,
    /// After how many events a new snapshot is due, at least 1.
    pub every: u64,
    /// The version of the state: raise it when its shape changes, or when `apply` makes something
    /// else of the same events. Events that are declared or given up are noticed without it.
    pub version: u32,
    /// Writes a state.
    pub encode: fn(&A) -> Result<Payload, serde_json::Error>,
    /// Reads a state.
    pub decode: fn(&Payload) -> Result<A, serde_json::Error>,
}

impl<A: Serialize + DeserializeOwned> SnapshotPolicy<A> {
    /// A snapshot every `events` events, under the state's name.
    pub fn every(events: u64, name: &'static str, version: u32) -> Self {
        Self {
            name,
            every: events.max(1),
            version,
            encode: |state| Payload::encode(state),
            decode: |payload| payload.decode(),
        }
    }
}

impl<A: Aggregate> SnapshotPolicy<A> {
    /// A number that differs when the state is folded from other events, or otherwise: of its
    /// version, of the events that it declares with their versions, and of what it does with those
    /// that it does not declare.
    pub fn shape(&self) -> u64 {
        let mut events: Vec<_> = A::Event::descriptors()
            .into_iter()
            .map(|event| (event.event_type, event.version))
            .collect();
        events.sort_unstable();
        events.dedup();
        let content = format!("{} {:?} {events:?}", self.version, A::UNKNOWN);
        let fingerprint = Fingerprint::of(content);
        let [a, b, c, d, e, f, g, h, ..] = *fingerprint.as_bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}
