//! Sending one request, and knowing whether it may have left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annals_resilience::{Fault, Policy, ResilienceError};

use super::ask_error::Sent;
use super::waiting::Awaited;
use crate::address::Address;
use crate::message::Message;
use crate::publisher::{PublishError, Published, Publisher};

/// What stands around sending.
pub(super) type Sender = Policy<fn(&PublishError) -> Fault>;

/// What an error of a broker says about a message.
pub(super) fn fault(error: &PublishError) -> Fault {
    match error {
        PublishError::Down { .. } => Fault::NotDone,
        PublishError::InDoubt { .. } => Fault::Unknown,
        PublishError::Missing { .. } | PublishError::Refused { .. } => Fault::Answer,
    }
}

/// One request on its way.
pub(super) struct Sending<'a> {
    publisher: &'a Arc<dyn Publisher>,
    policy: &'a Sender,
    to: &'a Address,
    message: &'a Message,
    /// Whether an attempt may have reached the broker. It is true while one is under way, and stays so
    /// when that is broken off.
    maybe: AtomicBool,
}

impl<'a> Sending<'a> {
    pub(super) fn new(
        (publisher, policy): (&'a Arc<dyn Publisher>, &'a Sender),
        (to, message): (&'a Address, &'a Message),
    ) -> Self {
        Self { publisher, policy, to, message, maybe: AtomicBool::new(false) }
    }

    /// Sends it; what is in doubt is as good as sent, as only a reply will tell.
    ///
    /// # Errors
    /// The broker has it from none of the attempts.
    pub(super) async fn send(
        &self,
        awaited: &Awaited<'_>,
    ) -> Result<Sent, ResilienceError<PublishError>> {
        match self.policy.run(|| self.attempt(awaited)).await {
            Ok(_) => Ok(Sent::Yes),
            Err(_) if self.so_far() == Sent::Maybe => Ok(Sent::Maybe),
            Err(error) => Err(error),
        }
    }

    /// What is known while it is being sent.
    pub(super) fn so_far(&self) -> Sent {
        match self.maybe.load(Ordering::Relaxed) {
            true => Sent::Maybe,
            false => Sent::No,
        }
    }

    async fn attempt(&self, awaited: &Awaited<'_>) -> Result<Published, PublishError> {
        let before = self.maybe.swap(true, Ordering::Relaxed);
        tokio::select! {
            biased;
            published = self.publisher.publish(self.to, self.message) => {
                if !matches!(published, Ok(_) | Err(PublishError::InDoubt { .. })) {
                    self.maybe.store(before, Ordering::Relaxed);
                }
                published
            }
            // Who has been answered has been heard.
            _ = awaited.reply() => Ok(Published::Stored),
        }
    }
}
