//! The one task that receives the replies of a requester.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::Backoff;
use tokio::sync::watch;
use tokio::time::Instant;

use super::waiting::Waiting;
use crate::address::Address;
use crate::publisher::Publisher;
use crate::source::{Part, ReceiveError, Receiver, Source};

/// How many replies are received at a time.
const AT_A_TIME: usize = 100;
/// The pauses after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What is known of the lane on which replies come.
#[derive(Debug)]
pub(super) struct Lane {
    stands: watch::Sender<Stands>,
    /// The last failure to receive.
    trouble: Mutex<Option<(Instant, String)>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stands {
    /// Nobody knows yet whether replies can come.
    Opening,
    /// It could not be opened; that is tried again.
    Failed(String),
    /// It was opened: replies wait there, whatever becomes of the connection.
    Open,
}

impl Lane {
    pub(super) fn new() -> Self {
        Self { stands: watch::Sender::new(Stands::Opening), trouble: Mutex::default() }
    }

    /// Waits until replies have somewhere to go, or the last attempt at that has failed.
    pub(super) async fn ready(&self) -> Result<(), String> {
        let mut stands = self.stands.subscribe();
        let known = stands.wait_for(|stands| *stands != Stands::Opening).await;
        match known.as_deref() {
            Ok(Stands::Failed(why)) => Err(why.clone()),
            // The sender lives as long as this.
            Ok(Stands::Opening | Stands::Open) | Err(_) => Ok(()),
        }
    }

    /// Why replies may not have come since then.
    pub(super) fn trouble_since(&self, since: Instant) -> Option<String> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        // What is down fails again after each pause.
        let recent = |at: Instant| at + 2 * LONGEST_PAUSE >= since;
        trouble.as_ref().filter(|(at, _)| recent(*at)).map(|(_, why)| why.clone())
    }

    fn failed(&self, why: String) {
        self.stands.send_if_modified(|stands| {
            let not_open = *stands != Stands::Open;
            if not_open {
                *stands = Stands::Failed(why.clone());
            }
            not_open
        });
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = Some((Instant::now(), why));
    }
}

/// Where replies come from, and what is done with them.
pub(super) struct Replies {
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) reply_to: Address,
    pub(super) source: Box<dyn Source>,
    pub(super) group: String,
    pub(super) waiting: Arc<Waiting>,
    pub(super) lane: Arc<Lane>,
}

impl Replies {
    /// Receives for as long as it is let.
    pub(super) async fn receive(self) {
        let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut receiver = loop {
            match self.open().await {
                Ok(receiver) => break receiver,
                Err(why) => self.lane.failed(why),
            }
            tokio::time::sleep(pauses.next_pause()).await;
        };
        self.lane.stands.send_replace(Stands::Open);
        loop {
            match self.hand_over(&mut *receiver).await {
                Ok(()) => pauses.reset(),
                Err(ReceiveError::Gap { why }) => {
                    tracing::warn!(requester = self.group, "replies were lost: {why}");
                    self.lane.failed(why);
                }
                Err(error) => {
                    self.lane.failed(self.at(&error));
                    tokio::time::sleep(pauses.next_pause()).await;
                }
            }
        }
    }

    async fn open(&self) -> Result<Box<dyn Receiver>, String> {
        let prepared = self.publisher.prepare(std::slice::from_ref(&self.reply_to)).await;
        prepared.map_err(|error| self.at(&error))?;
        let opened = self.source.open(&self.group, Part { index: 0, of: 1 }).await;
        opened.map_err(|error| self.at(&error))
    }

    fn at(&self, error: &dyn std::error::Error) -> String {
        format!("`{}` on {}: {error}", self.source.origin(), self.source.broker())
    }

    async fn hand_over(&self, receiver: &mut dyn Receiver) -> Result<(), ReceiveError> {
        let replies = receiver.receive(AT_A_TIME).await?;
        let Some(last) = replies.last().map(|reply| reply.number) else { return Ok(()) };
        replies.into_iter().for_each(|reply| self.waiting.hand_over(reply.message));
        // What comes again because this is not heard is late.
        receiver.acknowledge(last).await
    }
}
