//! Waiting for messages.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::redis::Value;
use tokio::time::Instant;

use super::entry;
use super::failure::Failure;
use super::lane::Lane;
use super::link::Link;
use super::settings::Settings;

/// How long the server waits before it says that there is nothing new: then everything is looked at, and a
/// connection that is broken is noticed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits for messages, on a connection of its own: nothing else is answered on it meanwhile. It is only told
/// that there is something, and takes nothing: were it the one that reads, then the server would give
/// messages to a process that is frozen, or gone without a word.
pub(super) struct News {
    settings: Arc<Settings>,
    link: Arc<Link>,
    /// What is waited for already, by a call that was dropped.
    waiting: Option<Waiting>,
}

type Waiting = Pin<Box<dyn Future<Output = Result<Option<String>, Failure>> + Send>>;

impl News {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self { link: Arc::new(Link::new(settings.clone(), &[])), settings, waiting: None }
    }

    /// Waits no more for what was waited for.
    pub(super) fn forget(&mut self) {
        if self.waiting.take().is_some() {
            // The server would still wait on the old one.
            self.link = Arc::new(Link::new(self.settings.clone(), &[]));
        }
    }

    /// Waits until a lane has something behind what is known, or for a while; says which lane, if it was told.
    /// Cancel safe.
    pub(super) async fn wait(&mut self, lanes: &[Lane]) -> Result<Option<usize>, Failure> {
        let waiting = match &mut self.waiting {
            Some(waiting) => waiting,
            None => {
                let mut command = ::redis::cmd("XREAD");
                command.arg("COUNT").arg(1).arg("BLOCK");
                command.arg(u64::try_from(PATIENCE.as_millis()).unwrap_or(1000)).arg("STREAMS");
                for lane in lanes {
                    command.arg(&lane.stream);
                }
                for lane in lanes {
                    command.arg(&lane.known);
                }
                let (link, limit) = (self.link.clone(), self.settings.options.answer_within);
                self.waiting.insert(Box::pin(async move {
                    let connection = link.connection(Instant::now() + limit).await?;
                    let deadline = Instant::now() + PATIENCE + limit;
                    let answer = connection.ask(&command, deadline).await;
                    if answer.as_ref().is_err_and(Failure::ends_connection) {
                        link.leave(&connection);
                    }
                    answer.map(first_stream)
                }))
            }
        };
        let told = waiting.await;
        self.waiting = None;
        Ok(told?.and_then(|stream| lanes.iter().position(|lane| lane.stream == stream)))
    }
}

/// The first stream that has something.
fn first_stream(answer: Value) -> Option<String> {
    let Value::Array(streams) = answer else { return None };
    let Value::Array(parts) = streams.into_iter().next()? else { return None };
    Some(entry::text(entry::bytes(parts.into_iter().next()?)))
}
