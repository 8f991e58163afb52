//! Messages into streams.

use std::sync::Arc;

use ::redis::{Cmd, Value};
use async_trait::async_trait;
use tokio::time::Instant;

use super::connection::Connection;
use super::entry::{self, MOST_HEADERS};
use super::errors::{publishing, strange};
use super::failure::Failure;
use super::link::Link;
use super::options::RedisOptions;
use super::scripts::Script;
use super::settings::Settings;
use crate::InvalidOptions;
use crate::address::Address;
use crate::message::Message;
use crate::publisher::{PublishError, Published, Publisher};

/// Appends messages to streams, over one connection. What it promises stands at the [module](super).
pub struct RedisPublisher {
    settings: Arc<Settings>,
    link: Link,
}

impl RedisPublisher {
    /// A publisher that connects in the background, now and whenever it has to. Within a tokio runtime.
    ///
    /// # Errors
    /// When an option cannot be. A server that is not there is told by [`Publisher::publish`].
    pub async fn connect(options: RedisOptions) -> Result<Self, InvalidOptions> {
        let settings = Settings::check(options)?;
        let scripts: &[Script] =
            if settings.options.repeats_within.is_some() { &[Script::Append] } else { &[] };
        Ok(Self { link: Link::new(settings.clone(), scripts), settings })
    }

    /// Sends a message on a connection.
    async fn append(
        &self,
        connection: &Connection,
        to: &str,
        message: &Message,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let options = &self.settings.options;
        let fill = |command: &mut Cmd| {
            if !options.declare {
                command.arg("NOMKSTREAM");
            }
            if let Some(most) = options.keep_at_least {
                command.arg("MAXLEN").arg("~").arg(most);
            }
            command.arg("*");
            entry::write(message, command);
        };
        let Some(window) = options.repeats_within else {
            let mut command = ::redis::cmd("XADD");
            command.arg(to);
            fill(&mut command);
            return connection.ask(&command, deadline).await;
        };
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        let fill = |command: &mut Cmd| {
            command.arg(to).arg(format!("{to}:id:{}", message.id)).arg(window_ms);
            fill(command);
        };
        connection.run(Script::Append, 2, fill, deadline).await
    }

    /// Refuses what the server would close the connection for.
    fn check_size(&self, message: &Message, server: Option<usize>) -> Result<(), PublishError> {
        let bytes = message.bytes();
        let ours = self.settings.options.max_message_bytes;
        let most = server.unwrap_or(ours).min(ours);
        if bytes > most {
            let who = if most == ours {
                "`max_message_bytes`"
            } else {
                "the server's `proto-max-bulk-len`"
            };
            let why = format!(
                "it has {bytes} bytes, and {who} allows {most}: raise it, or send where the content is in \
                 place of the content"
            );
            return Err(PublishError::Refused { why });
        }
        let headers = message.attributes.len() + message.headers.len();
        if headers > MOST_HEADERS {
            let why = format!("it has {headers} headers, and {MOST_HEADERS} fit into an entry");
            return Err(PublishError::Refused { why });
        }
        Ok(())
    }

    /// Whether a place is a stream, or can be one.
    async fn prepare_one(&self, connection: &Connection, to: &Address) -> Result<(), PublishError> {
        let name = stream(to)?;
        let deadline = Instant::now() + self.settings.options.answer_within;
        let kind = connection.ask(::redis::cmd("TYPE").arg(name), deadline).await;
        let kind = kind.map_err(|failure| self.judge(failure, connection, name))?;
        match &*entry::text(entry::bytes(kind)) {
            "stream" => Ok(()),
            "none" if self.settings.options.declare => {
                // There is no command that makes an empty stream, but a group makes one, and leaves it.
                const GROUP: &str = "annals-makes-a-stream";
                for [first, last] in [["CREATE", "$"], ["DESTROY", ""]] {
                    let mut command = ::redis::cmd("XGROUP");
                    command.arg(first).arg(name).arg(GROUP);
                    if !last.is_empty() {
                        command.arg(last).arg("MKSTREAM");
                    }
                    match connection.ask(&command, deadline).await {
                        // Another publisher makes it at the same time.
                        Err(Failure::Refused { code, .. }) if code == "BUSYGROUP" => {}
                        answer => {
                            answer.map_err(|failure| self.judge(failure, connection, name))?;
                        }
                    }
                }
                Ok(())
            }
            "none" => Err(no_stream(name)),
            other => {
                let failure = Failure::Refused {
                    code: "WRONGTYPE".to_owned(),
                    text: format!("it holds a {other}"),
                };
                Err(publishing(failure, name))
            }
        }
    }

    fn judge(&self, failure: Failure, connection: &Connection, name: &str) -> PublishError {
        if failure.ends_connection() {
            self.link.leave(connection);
        }
        publishing(failure, name)
    }
}

/// What the server says of a message, with the id that it does not know as such.
fn naming(message: &Message, error: PublishError) -> PublishError {
    match error {
        PublishError::Refused { why } => {
            PublishError::Refused { why: format!("the message `{}`: {why}", message.id) }
        }
        other => other,
    }
}

#[async_trait]
impl Publisher for RedisPublisher {
    fn broker(&self) -> &str {
        self.settings.shown()
    }

    async fn prepare(&self, places: &[Address]) -> Result<(), PublishError> {
        let deadline = Instant::now() + self.settings.options.answer_within;
        let connection = self.link.connection(deadline).await;
        let connection = connection.map_err(|failure| publishing(failure, "any stream"))?;
        for place in places {
            match self.prepare_one(&connection, place).await {
                // Nobody knows whether it was made, and it is looked at again before it is needed.
                Err(PublishError::InDoubt { source }) => return Err(PublishError::Down { source }),
                prepared => prepared?,
            }
        }
        super::advice::warn(&connection, self.settings.shown(), deadline).await;
        Ok(())
    }

    async fn publish(&self, to: &Address, message: &Message) -> Result<Published, PublishError> {
        let name = stream(to)?;
        self.check_size(message, None)?;
        let deadline = Instant::now() + self.settings.options.answer_within;
        let connection = self.link.connection(deadline).await;
        let connection = connection.map_err(|failure| publishing(failure, name))?;
        self.check_size(message, connection.most_bytes())?;
        let answer = self.append(&connection, name, message, deadline).await;
        let answer =
            answer.map_err(|failure| naming(message, self.judge(failure, &connection, name)))?;
        let published = match answer {
            Value::Int(0) => Published::Repeated,
            // The entry's id, where there is no script.
            Value::Int(1) | Value::BulkString(_) => Published::Stored,
            Value::Nil => return Err(no_stream(name)),
            other => return Err(publishing(strange(&other), name)),
        };
        let safety = self.settings.options.safety;
        let safe = connection.confirmed().wait(&connection, safety, deadline).await;
        safe.map_err(|failure| self.judge(failure, &connection, name))?;
        Ok(published)
    }
}

/// The name of a stream.
pub(super) fn stream(to: &Address) -> Result<&str, PublishError> {
    match &to.routing_key {
        None => Ok(&to.name),
        Some(key) => Err(PublishError::Missing {
            why: format!(
                "Redis has no routing keys, and the route names `{key}`: leave it out, or make it a part of \
                 the name `{}`",
                to.name
            ),
        }),
    }
}

fn no_stream(name: &str) -> PublishError {
    PublishError::Missing {
        why: format!(
            "there is no stream `{name}`, and streams are not made here: correct the name, or make it with \
             `XGROUP CREATE {name} GROUP 0 MKSTREAM`, or let it be made (`declare(true)`)"
        ),
    }
}
