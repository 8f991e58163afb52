//! Sending, acknowledged.

use std::borrow::Cow;
use std::sync::Arc;

use async_nats::StatusCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::RawMessage;
use async_nats::jetstream::{self, ErrorCode};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::errors::{self, Trouble};
use super::link::Link;
use super::live::Live;
use super::options::NatsOptions;
use super::{headers, stream, subject};
use crate::InvalidOptions;
use crate::address::Address;
use crate::message::Message;
use crate::publisher::{PublishError, Published, Publisher};

/// Sends messages to streams of JetStream, many at once over one connection.
///
/// [`Published::Stored`] says that the stream's leader has the message, and with replicas that most servers
/// have it. See the [module](super) for what that is worth.
#[derive(Debug)]
pub struct NatsPublisher {
    link: Link,
}

impl NatsPublisher {
    /// Begins to connect. Whether the servers are there shows when something is sent.
    ///
    /// # Errors
    /// [`InvalidOptions`], also when a file with certificates cannot be read.
    pub async fn connect(options: NatsOptions) -> Result<Self, InvalidOptions> {
        Ok(Self { link: Link::new(options)? })
    }

    async fn live(&self, deadline: Instant) -> Result<Arc<Live>, PublishError> {
        match timeout_at(deadline, self.link.live()).await {
            Ok(live) => live.map_err(PublishError::down),
            Err(_) => {
                let limit = self.link.options().answer_within;
                Err(PublishError::down(format!("no server was reached within {limit:?}")))
            }
        }
    }
}

#[async_trait]
impl Publisher for NatsPublisher {
    fn broker(&self) -> &str {
        self.link.shown()
    }

    async fn prepare(&self, places: &[Address]) -> Result<(), PublishError> {
        let subjects: Vec<&str> = places.iter().map(subject::of).collect::<Result<_, _>>()?;
        let live = self.link.live().await.map_err(PublishError::down)?;
        for subject in subjects {
            stream::ensure_subject(&live, &self.link.options().streams, subject).await?;
        }
        Ok(())
    }

    async fn publish(&self, to: &Address, message: &Message) -> Result<Published, PublishError> {
        let deadline = Instant::now() + self.link.options().answer_within;
        let subject = subject::of(to)?;
        let headers = headers::of(message).map_err(|why| PublishError::Refused { why })?;
        let bytes = headers::bytes(&headers) + message.body.len();
        let live = self.live(deadline).await?;
        let answer = live.ask(subject, Some(headers), message.body.clone(), deadline).await;
        let answer = answer.map_err(|silence| silence.of_message(subject, bytes))?;
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            let why = timeout_at(deadline, Box::pin(nobody(&live, subject))).await;
            let trouble = why.unwrap_or_else(|_| {
                Trouble::Down(format!("nobody takes `{subject}`, and JetStream does not say why"))
            });
            return Err(trouble.into());
        }
        let stranger = |why: String| {
            PublishError::in_doubt(format!(
                "whoever takes `{subject}` does not answer as JetStream does ({why}): is it a service, \
                 and no stream?"
            ))
        };
        match serde_json::from_slice::<Ack<'_>>(&answer.payload) {
            Ok(Ack { error: Some(error), .. }) => Err(errors::refusal(&error, subject, bytes)),
            Ok(ack) if ack.stream.is_empty() => Err(stranger("it names no stream".to_owned())),
            Ok(Ack { duplicate: false, .. }) => Ok(Published::Stored),
            Ok(ack) => match timeout_at(deadline, Box::pin(stored(&live, &ack))).await {
                Ok(stored) => compare(stored?, &ack, subject, message),
                Err(_) => Err(PublishError::in_doubt(format!(
                    "the stream `{}` has the id `{}` already, and does not say with which message",
                    ack.stream, message.id
                ))),
            },
            Err(error) => Err(stranger(error.to_string())),
        }
    }
}

/// What a stream answers to a message; the client's own type for it is read in two steps, and keeps copies.
#[derive(Deserialize)]
struct Ack<'a> {
    #[serde(default)]
    error: Option<jetstream::Error>,
    #[serde(default, borrow)]
    stream: Cow<'a, str>,
    #[serde(default, rename = "seq")]
    sequence: u64,
    #[serde(default)]
    duplicate: bool,
}

/// Why nobody has taken a message.
async fn nobody(live: &Live, subject: &str) -> Trouble {
    match stream::of_subject(live, subject).await {
        Ok(None) => Trouble::Missing(stream::no_stream(subject)),
        Ok(Some(name)) => Trouble::Down(format!(
            "the stream `{name}` of `{subject}` has no leader now: too few of its servers are there"
        )),
        Err(trouble) => trouble,
    }
}

/// The message that an id was stored with. `None` when it is not there any more, or may not be read.
async fn stored(live: &Live, ack: &Ack<'_>) -> Result<Option<StreamMessage>, Trouble> {
    #[derive(Deserialize)]
    struct Got {
        message: RawMessage,
    }
    let what = format!("show message {} of the stream `{}`", ack.sequence, ack.stream);
    let subject = format!("STREAM.MSG.GET.{}", ack.stream);
    let got = live.api::<Got>(&what, &subject, &json!({ "seq": ack.sequence })).await;
    let gone = |error: &jetstream::Error| {
        [ErrorCode::NO_MESSAGE_FOUND, ErrorCode::SEQUENCE_NOT_FOUND].contains(&error.error_code())
            || error.code() == 404
    };
    match got {
        Ok(Ok(got)) => {
            let message = StreamMessage::try_from(got.message);
            Ok(Some(message.map_err(|error| Trouble::Down(error.to_string()))?))
        }
        Ok(Err(error)) if gone(&error) => Ok(None),
        Ok(Err(error)) => Err(errors::api_error(&what, &error)),
        Err(Trouble::Missing(why)) => {
            tracing::warn!(why, "a repetition could not be compared with what is stored");
            Ok(None)
        }
        Err(down) => Err(down),
    }
}

/// Whether what is stored is the message that was sent again, or another by the same id.
fn compare(
    stored: Option<StreamMessage>,
    ack: &Ack<'_>,
    subject: &str,
    message: &Message,
) -> Result<Published, PublishError> {
    let Some(stored) = stored else { return Ok(Published::Repeated) };
    let what = if stored.subject.as_str() != subject {
        format!("to the subject `{}`", stored.subject)
    } else if stored.payload != message.body {
        "with another body".to_owned()
    } else {
        return Ok(Published::Repeated);
    };
    Err(PublishError::Refused {
        why: format!(
            "a message with the id `{}` is stored already in the stream `{}` (number {}), {what}: ids \
             tell messages of one stream apart, so give this one its own, or its subject a stream of \
             its own",
            message.id, ack.stream, ack.sequence
        ),
    })
}
