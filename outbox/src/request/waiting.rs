//! Requests whose replies are awaited.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use super::wire::CORRELATION_ID;
use crate::message::Message;

type Reply = watch::Sender<Option<Message>>;

/// Requests whose replies are awaited, by their correlation ids.
#[derive(Debug)]
pub(super) struct Waiting {
    requester: String,
    most: usize,
    all: Mutex<HashMap<Uuid, Reply>>,
    late: AtomicU64,
}

/// One request whose reply is awaited. Dropped, it is forgotten, and its reply is late.
pub(super) struct Awaited<'w> {
    waiting: &'w Waiting,
    correlation: Uuid,
    reply: watch::Receiver<Option<Message>>,
}

impl Waiting {
    pub(super) fn new(requester: String, most: usize) -> Self {
        Self { requester, most, all: Mutex::default(), late: AtomicU64::new(0) }
    }

    /// Awaits one more reply, unless so many are awaited already.
    pub(super) fn begin(&self, correlation: Uuid) -> Option<Awaited<'_>> {
        let (sender, reply) = watch::channel(None);
        let mut all = self.all();
        if all.len() >= self.most {
            return None;
        }
        all.insert(correlation, sender);
        Some(Awaited { waiting: self, correlation, reply })
    }

    /// Hands a reply to whoever awaits it. One that nobody awaits, not any more or never, is counted.
    pub(super) fn hand_over(&self, reply: Message) {
        let correlation = reply.headers.get(CORRELATION_ID).and_then(|id| id.parse().ok());
        let awaited = correlation.and_then(|id: Uuid| self.all().remove(&id));
        let handed_over = awaited.is_some_and(|awaited| awaited.send(Some(reply)).is_ok());
        if !handed_over {
            self.late.fetch_add(1, Ordering::Relaxed);
            let requester = self.requester.clone();
            metrics::counter!("annals_request_late_replies_total", "requester" => requester)
                .increment(1);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all().len()
    }

    pub(super) fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Uuid, Reply>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Awaited<'_> {
    /// The reply, once it has come; it can be asked for several times.
    pub(super) fn reply(&self) -> impl Future<Output = Message> + Send + use<> {
        let mut reply = self.reply.clone();
        async move {
            loop {
                if let Some(reply) = &*reply.borrow_and_update() {
                    return reply.clone();
                }
                if reply.changed().await.is_err() {
                    // The sender leaves the map with the reply, or with the request itself.
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.waiting.all().remove(&self.correlation);
    }
}
