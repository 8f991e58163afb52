//! The way to a server: a connection whenever there can be one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use super::failure::Failure;
use super::scripts::Script;
use super::settings::Settings;

/// The way to a server: a connection whenever there can be one. All who want one at the same time share one,
/// and one attempt to get it.
pub(super) struct Link(Arc<Shared>);

struct Shared {
    settings: Arc<Settings>,
    scripts: &'static [Script],
    state: Mutex<State>,
}

enum State {
    Apart,
    Connecting(Attempt),
    Connected(Connection),
}

/// Tells what became of it.
type Attempt = watch::Receiver<Option<Result<Connection, Failure>>>;

impl Link {
    /// Begins to connect.
    pub(super) fn new(settings: Arc<Settings>, scripts: &'static [Script]) -> Self {
        let state = Mutex::new(State::Apart);
        let link = Self(Arc::new(Shared { settings, scripts, state }));
        // Nobody waits for it yet.
        drop(link.connected());
        link
    }

    /// A connection that was alive a moment ago.
    ///
    /// # Errors
    /// [`Failure::Unreachable`]
    pub(super) async fn connection(&self, deadline: Instant) -> Result<Connection, Failure> {
        let mut attempt = match self.connected() {
            Ok(connection) => return Ok(connection),
            Err(attempt) => attempt,
        };
        let place = self.0.settings.shown();
        match timeout_at(deadline, attempt.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => {
                outcome.clone().expect("who waits for something does not get nothing")
            }
            Ok(Err(_)) => {
                Err(Failure::Unreachable(format!("connecting to {place} was given up: try again")))
            }
            Err(_) => Err(Failure::Unreachable(format!(
                "there is no connection to {place} within the time limit"
            ))),
        }
    }

    /// Asks for nothing more on a connection.
    pub(super) fn leave(&self, connection: &Connection) {
        let mut state = self.state();
        if matches!(&*state, State::Connected(known) if known.is(connection)) {
            *state = State::Apart;
        }
    }

    fn connected(&self) -> Result<Connection, Attempt> {
        let mut state = self.state();
        match &*state {
            State::Connected(connection) if connection.is_up() => return Ok(connection.clone()),
            // Unless the runtime has ended in which it was made.
            State::Connecting(attempt) if attempt.has_changed().is_ok() => {
                return Err(attempt.clone());
            }
            _ => {}
        }
        let (tell, attempt) = watch::channel(None);
        *state = State::Connecting(attempt.clone());
        let shared = self.0.clone();
        // A task of its own: whoever waits for it may give up, and others go on waiting.
        tokio::spawn(async move {
            let outcome = Connection::open(&shared.settings, shared.scripts).await;
            let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            *state = match &outcome {
                Ok(connection) => State::Connected(connection.clone()),
                Err(_) => State::Apart,
            };
            tell.send_replace(Some(outcome));
        });
        Err(attempt)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
