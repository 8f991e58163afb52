//! One lane as its receiver sees it: how much is asked for, what has come, and whether it still moves.

use tokio::time::{Duration, Instant};

use async_nats::jetstream::consumer::pull::BatchConfig;

use super::delivery::{Delivery, Word};
use super::errors::Trouble;
use super::group::{Known, Taken};

/// How long the server keeps a pull that it cannot fill.
const PULL_FOR: Duration = Duration::from_secs(30);

/// How often it says that it is there, while it has nothing.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A lane.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) filter: String,
    /// What is known of it since it was first taken.
    pub(super) known: Option<Known>,
    /// Its consumer, while there is a connection.
    pub(super) at: Option<At>,
}

/// A lane's consumer of the moment.
#[derive(Debug)]
pub(super) struct At {
    pub(super) consumer: String,
    /// The numbers of the last message, in the stream and among the deliveries.
    last: u64,
    last_delivery: u64,
    /// How many messages waited behind the last one.
    pending: u64,
    /// How many messages were asked for and have not come.
    outstanding: usize,
    /// How many have come and are not handed out, and their bytes.
    pub(super) ready: usize,
    pub(super) ready_bytes: usize,
    /// The next message is larger than the room that a lane has.
    large: bool,
    /// When anything, and when a message came last, or was looked for.
    heard: Instant,
    moved: Instant,
    /// Numbers between two messages that nobody has looked into yet.
    pub(super) jump: Option<u64>,
}

/// What a message is to its lane.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    New,
    /// It has come before.
    Again,
}

/// How much a lane may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl At {
    pub(super) fn new(taken: &Taken, now: Instant) -> Self {
        Self {
            consumer: taken.consumer.clone(),
            last: taken.known.had,
            last_delivery: 0,
            pending: taken.pending,
            outstanding: 0,
            ready: 0,
            ready_bytes: 0,
            large: false,
            heard: now,
            moved: now,
            jump: None,
        }
    }

    /// The next question for messages, if there is room for them: half of the room at a time, so that one is
    /// on its way while the other is worked on.
    pub(super) fn pull(&mut self, room: Room) -> Option<BatchConfig> {
        let half = (room.messages / 2).max(1);
        let bytes = (room.bytes / 2).max(1);
        let on_the_way = bytes * self.outstanding.div_ceil(half);
        let full = self.outstanding + self.ready + half > room.messages.max(1)
            || self.ready_bytes + on_the_way + bytes > room.bytes;
        let idle = self.outstanding == 0 && self.ready == 0;
        if !idle && (full || self.large) {
            return None;
        }
        let batch = if self.large { 1 } else { half };
        self.outstanding += batch;
        Some(BatchConfig {
            batch,
            max_bytes: if std::mem::take(&mut self.large) { 0 } else { bytes },
            expires: Some(PULL_FOR),
            idle_heartbeat: HEARTBEAT,
            ..BatchConfig::default()
        })
    }

    /// A message has come.
    ///
    /// # Errors
    /// [`Trouble::Down`] when one before it was lost on the way.
    pub(super) fn came(
        &mut self,
        delivery: &Delivery<'_>,
        bytes: usize,
        now: Instant,
    ) -> Result<Seen, Trouble> {
        self.outstanding = self.outstanding.saturating_sub(1);
        (self.heard, self.moved) = (now, now);
        let Delivery { stream_sequence, consumer_sequence, pending, .. } = *delivery;
        let before = std::mem::replace(&mut self.last_delivery, consumer_sequence);
        if stream_sequence <= self.last {
            return Ok(Seen::Again);
        }
        if consumer_sequence > before + 1 {
            return Err(Trouble::Down(format!(
                "{} messages of the consumer `{}` were lost on the way: they come again",
                consumer_sequence - before - 1,
                self.consumer
            )));
        }
        if stream_sequence > self.last + 1 && self.pending > 0 {
            self.jump.get_or_insert(self.last);
        }
        self.last = stream_sequence;
        self.pending = pending;
        self.ready += 1;
        self.ready_bytes += bytes;
        Ok(Seen::New)
    }

    /// The consumer has said something in place of a message.
    ///
    /// # Errors
    /// Why nothing more comes from it.
    pub(super) fn said(&mut self, word: Word, now: Instant) -> Result<(), Trouble> {
        self.heard = now;
        let consumer = &self.consumer;
        match word {
            Word::Heartbeat => {}
            Word::Ended(left) => self.outstanding = self.outstanding.saturating_sub(left),
            Word::TooLarge(left) => {
                self.outstanding = self.outstanding.saturating_sub(left);
                self.large = true;
            }
            Word::AllEnded => self.outstanding = 0,
            Word::Gone => {
                return Err(Trouble::Down(format!("the consumer `{consumer}` was deleted")));
            }
            Word::Nobody => {
                return Err(Trouble::Down(format!(
                    "nobody answers for the consumer `{consumer}`: it has no leader, or is not there"
                )));
            }
            Word::Refused(said) => {
                return Err(Trouble::Missing(format!(
                    "the consumer `{consumer}` sends nothing: {said}"
                )));
            }
        }
        Ok(())
    }

    /// When it is to be looked at if nothing comes.
    pub(super) fn due(&self, quiet_for: Duration) -> Option<Instant> {
        let beats = self.heard + 3 * HEARTBEAT;
        (self.outstanding > 0).then(|| beats.min(self.moved + quiet_for))
    }

    /// It was looked at, and nothing waits: whether its pulls are still there shows by a sign of life.
    pub(super) fn looked(&mut self, now: Instant) {
        if self.heard + 3 * HEARTBEAT <= now {
            self.outstanding = 0;
        }
        (self.heard, self.moved) = (now, now);
    }

    /// The number of the last message, and whether none of the lane's is under way or waits to be handed out.
    pub(super) fn rests_at(&self) -> Option<u64> {
        (self.ready == 0).then_some(self.last)
    }
}

#[cfg(test)]
mod tests;
