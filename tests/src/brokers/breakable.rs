//! Servers that stories break. Most take seconds to start, so whoever is done leaves his to the next.

use std::any::Any;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::kind::Kind;
use super::server::Server;

/// Servers of all kinds, of each as many as stories have ever broken at once.
static LEFT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());

fn left() -> MutexGuard<'static, Vec<Box<dyn Any + Send>>> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server with the default settings that nobody else uses meanwhile. It may have what stories before have
/// left there, so that names have to be fresh. A story that succeeds leaves it running.
pub struct Breakable<K: Kind> {
    /// There until it is dropped.
    server: Option<Server<K>>,
}

impl<K: Kind> Breakable<K> {
    /// One that was left, or a new one.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub async fn take() -> Self {
        let found = {
            let mut left = left();
            let place = left.iter().position(|server| server.is::<Server<K>>());
            place.map(|place| left.swap_remove(place))
        };
        let server = match found.and_then(|server| server.downcast().ok()) {
            Some(server) => *server,
            None => Server::start().await,
        };
        Self { server: Some(server) }
    }
}

impl<K: Kind> Deref for Breakable<K> {
    type Target = Server<K>;

    fn deref(&self) -> &Server<K> {
        self.server.as_ref().expect("it is there until it is dropped")
    }
}

impl<K: Kind> DerefMut for Breakable<K> {
    fn deref_mut(&mut self) -> &mut Server<K> {
        self.server.as_mut().expect("it is there until it is dropped")
    }
}

impl<K: Kind> Drop for Breakable<K> {
    fn drop(&mut self) {
        let Some(server) = self.server.take() else { return };
        // One with which a story has failed may be frozen: it ends here.
        if server.runs() && !std::thread::panicking() {
            left().push(Box::new(server));
        }
    }
}
