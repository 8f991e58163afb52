//! One connection, from its beginning to its end.

use std::sync::Arc;

use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Client, Event, HeaderMap, Message, ServerAddr, StatusCode, Subject, Subscriber};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant};

use super::answers::{Answers, Question};
use super::errors::{self, Silence, Trouble};

/// A connection. It is never mended: when it ends, everybody who waits is told, and the next who needs one
/// makes another. What the client would still send after a reconnection thereby comes to nothing.
#[derive(Debug)]
pub(super) struct Live {
    client: Client,
    answers: Arc<Answers>,
    inbox: String,
    api: String,
    limit: Duration,
    over: watch::Sender<Option<Arc<str>>>,
    handing_out: AbortHandle,
}

/// What the client tells about a connection while it is being made, and after.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    answers: Arc<Answers>,
    over: watch::Sender<Option<Arc<str>>>,
}

impl Events {
    pub(super) fn happened(&self, event: &Event) {
        match event {
            Event::Disconnected | Event::Closed => self.end("the connection ended"),
            Event::ServerError(error) => {
                let said = error.to_string();
                tracing::warn!(said, "the broker complains");
                if let Some(subject) = forbidden(&said) {
                    self.answers.forbid(subject, &said);
                }
            }
            _ => {}
        }
    }

    fn end(&self, why: &str) {
        self.over.send_if_modified(|over| {
            let first = over.is_none();
            over.get_or_insert_with(|| why.into());
            first
        });
    }
}

impl Live {
    /// Begins to use a connection.
    pub(super) async fn of(
        client: Client,
        events: Events,
        api: String,
        limit: Duration,
    ) -> Result<Self, String> {
        let inbox = client.new_inbox();
        let answers = client.subscribe(format!("{inbox}.*")).await;
        let answers = answers.map_err(|error| format!("no answers can be received: {error}"))?;
        let handing_out = Arc::clone(&events.answers).hand_out(answers, events.over.subscribe());
        let handing_out = tokio::spawn(handing_out).abort_handle();
        let Events { answers, over } = events;
        Ok(Self { client, answers, inbox, api, limit, over, handing_out })
    }

    /// Turns true, with why, when the connection has ended.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.over.subscribe()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.borrow().is_some()
    }

    /// Gives the connection up, for everybody.
    pub(super) fn give_up(&self, why: &str) {
        let events = Events { answers: Arc::clone(&self.answers), over: self.over.clone() };
        events.end(why);
    }

    /// Where messages may be stored that other connections do not get; and what comes there.
    pub(super) async fn inbox(&self) -> Result<(String, Subscriber), Trouble> {
        let inbox = self.client.new_inbox();
        let messages = self.client.subscribe(format!("{inbox}.*")).await;
        let messages = messages.map_err(|error| Trouble::Down(error.to_string()))?;
        Ok((inbox, messages))
    }

    /// Servers of the cluster that the server knows.
    pub(super) fn others(&self) -> Vec<ServerAddr> {
        let info = self.client.server_info();
        info.connect_urls.iter().filter_map(|url| url.parse().ok()).collect()
    }

    /// Asks, and waits for an answer. When none comes, and none to anybody else, the connection is given up.
    pub(super) async fn ask(
        &self,
        subject: &str,
        headers: Option<HeaderMap>,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Message, Silence> {
        let heard = self.answers.heard();
        let question = Question { subject: Subject::from(subject), headers, body };
        let answer = self.answers.ask(&self.client, &self.inbox, question, deadline).await;
        if let Err(Silence::Late(limit)) = &answer
            && self.answers.heard() == heard
        {
            self.give_up(&format!("the server has not answered for {limit:?}"));
        }
        answer
    }

    /// Asks JetStream to do something; `what` completes "asked to …".
    pub(super) async fn api<T: DeserializeOwned>(
        &self,
        what: &str,
        subject: &str,
        body: &impl Serialize,
    ) -> Result<Result<T, jetstream::Error>, Trouble> {
        let body = serde_json::to_vec(body).map_err(|error| Trouble::Down(error.to_string()))?;
        let subject = format!("{}.{subject}", self.api);
        let answer = self.ask(&subject, None, body.into(), Instant::now() + self.limit).await;
        let answer = answer.map_err(|silence| silence.of_question(what))?;
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(Trouble::Down(errors::jetstream_is_off()));
        }
        match serde_json::from_slice(&answer.payload) {
            Ok(Response::Ok(done)) => Ok(Ok(done)),
            Ok(Response::Err { error }) => Ok(Err(error)),
            Err(error) => Err(Trouble::Down(format!(
                "JetStream's answer cannot be read when asked to {what}: {error}"
            ))),
        }
    }

    /// The same, where an answer with this code means that there is none.
    pub(super) async fn api_unless<T: DeserializeOwned>(
        &self,
        missing: ErrorCode,
        what: &str,
        subject: &str,
        body: &impl Serialize,
    ) -> Result<Option<T>, Trouble> {
        match self.api(what, subject, body).await? {
            Ok(done) => Ok(Some(done)),
            Err(error) if error.error_code() == missing => Ok(None),
            Err(error) => Err(errors::api_error(what, &error)),
        }
    }

    /// Sends without waiting for an answer, which comes to `reply`.
    pub(super) async fn send(
        &self,
        subject: String,
        reply: Option<String>,
        body: Bytes,
    ) -> Result<(), Trouble> {
        let sent = async {
            match reply {
                Some(reply) => self.client.publish_with_reply(subject, reply, body).await,
                None => self.client.publish(subject, body).await,
            }
        };
        match tokio::time::timeout(self.limit, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Trouble::Down(error.to_string())),
            Err(_) => {
                self.give_up("nothing can be sent");
                Err(Trouble::Down(format!("nothing could be sent for {:?}", self.limit)))
            }
        }
    }

    /// Asks a consumer of JetStream for messages.
    pub(super) async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        reply: String,
        pull: &jetstream::consumer::pull::BatchConfig,
    ) -> Result<(), Trouble> {
        let subject = format!("{}.CONSUMER.MSG.NEXT.{stream}.{consumer}", self.api);
        let body = serde_json::to_vec(pull).map_err(|error| Trouble::Down(error.to_string()))?;
        self.send(subject, Some(reply), body.into()).await
    }

    /// Waits until all that was sent has left.
    pub(super) async fn flush(&self) -> Result<(), Trouble> {
        match tokio::time::timeout(self.limit, self.client.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Trouble::Down(error.to_string())),
            Err(_) => {
                self.give_up("nothing can be sent");
                Err(Trouble::Down(format!("nothing could be sent for {:?}", self.limit)))
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.handing_out.abort();
    }
}

/// The subject that a complaint of the server is about: `nats: Permissions Violation for Publish to "a.b"`.
fn forbidden(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("Permissions Violation for Publish to \"")?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_complaint_names_its_subject() {
        let said = "nats: Permissions Violation for Publish to \"orders.x\"";
        assert_eq!(super::forbidden(said), Some("orders.x"));
        assert_eq!(super::forbidden("nats: Stale Connection"), None);
    }
}
