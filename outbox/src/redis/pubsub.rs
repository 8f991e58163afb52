//! Messages for whoever listens just now.

use std::sync::Arc;

use ::redis::Value;
use async_trait::async_trait;
use tokio::time::Instant;

use super::errors::{publishing, strange};
use super::link::Link;
use super::options::RedisOptions;
use super::publisher::stream;
use super::settings::Settings;
use crate::InvalidOptions;
use crate::address::Address;
use crate::message::Message;
use crate::publisher::{PublishError, Published, Publisher};

/// Sends messages to channels of Pub/Sub, for listeners that may miss some: whoever is not connected at that
/// moment never gets them, and nothing is stored. [`Published::Stored`] says that the server has passed the
/// message on to those who listened, if there were any.
///
/// A message of Pub/Sub is a body and nothing else, so it has to say everything itself, as
/// [`Envelope::CloudEvents`](crate::Envelope::CloudEvents) and [`Envelope::Plain`](crate::Envelope::Plain) do.
/// One with attributes or headers is refused. There is no source for it: a read model would have holes.
pub struct RedisPubSub {
    settings: Arc<Settings>,
    link: Link,
}

impl RedisPubSub {
    /// A publisher that connects in the background, now and whenever it has to. Within a tokio runtime.
    ///
    /// # Errors
    /// When an option cannot be. A server that is not there is told by [`Publisher::publish`].
    pub async fn connect(options: RedisOptions) -> Result<Self, InvalidOptions> {
        let settings = Settings::check(options)?;
        Ok(Self { link: Link::new(settings.clone(), &[]), settings })
    }
}

#[async_trait]
impl Publisher for RedisPubSub {
    fn broker(&self) -> &str {
        self.settings.shown()
    }

    /// Channels come to be when somebody listens, so all that is looked at is whether the server lets us in.
    async fn prepare(&self, places: &[Address]) -> Result<(), PublishError> {
        for place in places {
            stream(place)?;
        }
        let deadline = Instant::now() + self.settings.options.answer_within;
        let connection = self.link.connection(deadline).await;
        connection.map(drop).map_err(|failure| publishing(failure, "any channel"))
    }

    async fn publish(&self, to: &Address, message: &Message) -> Result<Published, PublishError> {
        let channel = stream(to)?;
        if let Some(name) = message.attributes.keys().chain(message.headers.keys()).next() {
            let why = format!(
                "it has the header `{name}`, and Pub/Sub carries a body only: choose an envelope that has \
                 everything in the body, such as `Envelope::CloudEvents`"
            );
            return Err(PublishError::Refused { why });
        }
        let deadline = Instant::now() + self.settings.options.answer_within;
        let connection = self.link.connection(deadline).await;
        let connection = connection.map_err(|failure| publishing(failure, channel))?;
        let most = self.settings.options.max_message_bytes;
        let most = connection.most_bytes().unwrap_or(most).min(most);
        if message.body.len() > most {
            let why = format!("it has {} bytes, and {most} are taken", message.body.len());
            return Err(PublishError::Refused { why });
        }
        let mut command = ::redis::cmd("PUBLISH");
        command.arg(channel).arg(&*message.body);
        match connection.ask(&command, deadline).await {
            Ok(Value::Int(_)) => Ok(Published::Stored),
            Ok(other) => Err(publishing(strange(&other), channel)),
            Err(failure) => {
                if failure.ends_connection() {
                    self.link.leave(&connection);
                }
                Err(publishing(failure, channel))
            }
        }
    }
}
