//! The broker under test.

use std::sync::Arc;
use std::time::Duration;

use annals_outbox::{Address, Publisher, Source};
use async_trait::async_trait;
use uuid::Uuid;

/// A broker under test: what the author of a [`Publisher`] and a [`Source`] gives to
/// [`broker_conformance!`](crate::broker_conformance).
///
/// Every test has a subject of its own. What it made is cleaned up when it is dropped.
///
/// # Contract
/// A method that cannot do its work panics, and says what to install or to start. What a subject does not
/// declare in its [`Abilities`] is not asked of it.
#[async_trait]
pub trait BrokerSubject: Send + Sync + 'static {
    /// What it can do, and how much it takes.
    fn abilities(&self) -> Abilities;

    /// Makes a place with all its lanes, empty, and lets its groups begin at its beginning: what is published
    /// from now on comes to each of them. Called once for a place, before anything goes to it, or not at all
    /// for a place that is to be missing.
    async fn make(&self, place: &Place);

    /// A publisher with a connection of its own.
    async fn publisher(&self) -> Arc<dyn Publisher>;

    /// Receives all lanes of a place, with connections of its own.
    async fn source(&self, place: &Place) -> Arc<dyn Source>;

    /// Where messages of this key go: always to the same lane. Whoever has an address for each lane chooses
    /// by [`Place::lane_of`]; where the broker chooses by the key, there is one address.
    fn address(&self, place: &Place, key: &str) -> Address;

    /// Ends the server as a crash would, and returns when it answers nobody. What it has acknowledged is kept.
    /// Asked of subjects that declare [`Abilities::outages`] and were opened with [`Wanted::Own`].
    async fn stop(&self);

    /// Starts it again with what it had, under the same address, and returns when it lets clients in.
    async fn start(&self);
}

/// Which server a test wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// One that many tests use at once.
    Shared,
    /// One of its own, because it is stopped and started again.
    Own,
}

/// What a broker under test can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// The largest message in bytes, if there is a limit: [`Message::bytes`](annals_outbox::Message::bytes)
    /// of more are refused, and 8 kB less fit.
    pub most_bytes: Option<usize>,
    /// The longest value of a header that is taken, in bytes.
    pub longest_header: usize,
    /// Whether a place that nobody made is missing; else it comes to be with its first message.
    pub missing: bool,
    /// Whether the server can be stopped and started.
    pub outages: bool,
    /// Whether what is acknowledged while the server is down counts as soon as it is up again; else, where
    /// acknowledgements belong to a connection, such messages may come again.
    pub acknowledges_later: bool,
    /// Whether the server's memory is this process's, so that a receiver's cannot be told from it.
    pub in_process: bool,
    /// How long after an acknowledgement the broker has it for sure, and how long cases wait for what must
    /// not come. Receivers may keep acknowledgements for a second.
    pub acknowledged_within: Duration,
}

impl Default for Abilities {
    /// A server outside of the process that knows no limit for messages, takes headers of 8 kB, wants its
    /// places made, can be stopped, acknowledges later, and has acknowledgements after 1.2 s.
    fn default() -> Self {
        Self {
            most_bytes: None,
            longest_header: 8 * 1024,
            missing: true,
            outages: true,
            acknowledges_later: true,
            in_process: false,
            acknowledged_within: Duration::from_millis(1200),
        }
    }
}

/// Lanes that belong together, with the groups that receive them: some subjects, queues or streams, or a
/// topic with partitions. Nobody else uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name: it begins with `annals_test_` and has only lower-case letters, digits and `_`.
    pub name: String,
    /// How many lanes it has.
    pub lanes: u32,
    /// The groups that will receive it.
    pub groups: Vec<String>,
}

impl Place {
    pub(super) fn fresh(case: &str, lanes: u32, groups: &[&str]) -> Self {
        let case: String = case.chars().take(40).collect();
        let name = format!("annals_test_{case}_{}", Uuid::now_v7().simple());
        Self { name, lanes, groups: groups.iter().map(|&group| group.to_owned()).collect() }
    }

    /// The name of a lane, for brokers where each has one.
    pub fn lane(&self, lane: u32) -> String {
        format!("{}_{lane}", self.name)
    }

    /// The names of all lanes, in their order.
    pub fn lane_names(&self) -> Vec<String> {
        (0..self.lanes).map(|lane| self.lane(lane)).collect()
    }

    /// The lane of a key, for brokers that do not choose it themselves: a fixed hash of it.
    pub fn lane_of(&self, key: &str) -> u32 {
        let fnv = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        key.bytes().fold(0x811c_9dc5, fnv) % self.lanes.max(1)
    }
}
