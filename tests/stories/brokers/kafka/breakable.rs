//! Servers that stories break. Java takes seconds to start, so whoever is done leaves his to the next.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::*;

/// As many as stories have ever run at once.
static FREE: Mutex<Vec<Kafka>> = Mutex::new(Vec::new());

/// A server that nobody else uses meanwhile. A story that succeeds leaves it running.
pub(super) struct Breakable {
    /// There until it is dropped.
    server: Option<Kafka>,
}

impl Breakable {
    pub(super) async fn take() -> Self {
        let left = free().pop();
        let server = match left {
            Some(server) => server,
            None => Kafka::start().await,
        };
        Self { server: Some(server) }
    }
}

fn free() -> MutexGuard<'static, Vec<Kafka>> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deref for Breakable {
    type Target = Kafka;

    fn deref(&self) -> &Kafka {
        self.server.as_ref().expect("it is there until it is dropped")
    }
}

impl DerefMut for Breakable {
    fn deref_mut(&mut self) -> &mut Kafka {
        self.server.as_mut().expect("it is there until it is dropped")
    }
}

impl Drop for Breakable {
    fn drop(&mut self) {
        // One with which a story has failed may be frozen or gone: it ends here.
        if let (Some(server), false) = (self.server.take(), std::thread::panicking()) {
            free().push(server);
        }
    }
}
