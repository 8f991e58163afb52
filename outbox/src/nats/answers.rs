//! Questions and their answers over one connection, many at once.
//!
//! The client has requests of its own, but keeps what nobody waits for any more, and lets everybody wait
//! to the end of their time when a connection has ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::client::PublishErrorKind;
use async_nats::{Client, HeaderMap, Message, Subject, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::{oneshot, watch};
use tokio::time::{Duration, Instant, timeout_at};

use super::errors::Silence;

/// Who waits for which answer.
#[derive(Debug, Default)]
pub(super) struct Answers {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, Waiting>>,
    /// How many answers have come.
    heard: AtomicU64,
}

#[derive(Debug)]
struct Waiting {
    subject: Subject,
    tell: oneshot::Sender<Result<Message, Silence>>,
}

/// A question.
pub(super) struct Question {
    pub(super) subject: Subject,
    pub(super) headers: Option<HeaderMap>,
    pub(super) body: Bytes,
}

impl Answers {
    /// Asks, and waits until `deadline`. A call that is dropped leaves nothing behind.
    pub(super) async fn ask(
        self: &Arc<Self>,
        client: &Client,
        inbox: &str,
        question: Question,
        deadline: Instant,
    ) -> Result<Message, Silence> {
        let Question { subject, headers, body } = question;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, answer) = oneshot::channel();
        self.waiting().insert(number, Waiting { subject: subject.clone(), tell });
        let _guard = Guard { answers: self, number };
        let reply = format!("{inbox}.{number}");
        let started = Instant::now();
        let late =
            || Silence::Late(deadline.saturating_duration_since(started).max(Duration::ZERO));
        // In a box of its own, which is gone while the answer is waited for.
        let sent = Box::pin(async {
            match headers {
                Some(headers) => {
                    client.publish_with_reply_and_headers(subject, reply, headers, body).await
                }
                None => client.publish_with_reply(subject, reply, body).await,
            }
        });
        match timeout_at(deadline, sent).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                return Err(Silence::TooLarge { most: client.max_payload() });
            }
            Ok(Err(error)) => return Err(Silence::Cut(error.to_string().into())),
            Err(_) => return Err(late()),
        }
        match timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Silence::Cut("the connection was given up".into())),
            Err(_) => Err(late()),
        }
    }

    /// Hands out answers until the connection is over; whoever still waits then is told so.
    pub(super) async fn hand_out(
        self: Arc<Self>,
        mut inbox: Subscriber,
        mut over: watch::Receiver<Option<Arc<str>>>,
    ) {
        let why = loop {
            tokio::select! {
                biased;
                answer = inbox.next() => match answer {
                    Some(answer) => self.hand(answer),
                    None => break "the client has ended".into(),
                },
                why = over.wait_for(Option::is_some) => {
                    let why = why.ok().and_then(|why| why.clone());
                    break why.unwrap_or_else(|| "the connection was closed".into());
                }
            }
        };
        for waiting in std::mem::take(&mut *self.waiting()).into_values() {
            // Whoever does not wait any more needs no answer.
            let _ = waiting.tell.send(Err(Silence::Cut(Arc::clone(&why))));
        }
    }

    fn hand(&self, answer: Message) {
        self.heard.fetch_add(1, Ordering::Relaxed);
        let number = answer.subject.rsplit('.').next().and_then(|number| number.parse().ok());
        let waiting = number.and_then(|number: u64| self.waiting().remove(&number));
        if let Some(waiting) = waiting {
            let _ = waiting.tell.send(Ok(answer));
        }
    }

    /// The server has said that a subject may not be asked.
    pub(super) fn forbid(&self, subject: &str, said: &str) {
        let mut waiting = self.waiting();
        let numbers: Vec<u64> = waiting
            .iter()
            .filter(|(_, waiting)| waiting.subject.as_str() == subject)
            .map(|(number, _)| *number)
            .collect();
        for waiting in numbers.iter().filter_map(|number| waiting.remove(number)) {
            let _ = waiting.tell.send(Err(Silence::Forbidden(said.to_owned())));
        }
    }

    /// How many answers have come until now.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody waits for an answer any more.
struct Guard<'a> {
    answers: &'a Answers,
    number: u64,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.answers.waiting().remove(&self.number);
    }
}
