//! What a store remembers of commands, so that the same command twice has one effect.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::names::{Position, StreamId, StreamVersion};

/// The key by which a command is recognised when it comes again. 1 to 255 bytes, without control
/// characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommandKey(Box<str>);

impl CommandKey {
    /// A key.
    ///
    /// # Errors
    /// [`InvalidKey`] when it is empty or longer than 255 bytes, or has a control character in it.
    pub fn new(key: impl Into<String>) -> Result<Self, InvalidKey> {
        let key = key.into();
        let (bytes, control) = (key.len(), key.chars().any(char::is_control));
        match bytes {
            1..=255 if !control => Ok(Self(key.into_boxed_str())),
            _ => Err(InvalidKey { bytes, control }),
        }
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommandKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key of the wrong length, or with a character in it that no store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an idempotency key has 1 to 255 bytes and no control character, this one has {bytes} bytes{}",
    if *control { " and a control character" } else { "" }
)]
pub struct InvalidKey {
    /// Its length.
    pub bytes: usize,
    /// Whether there is a control character in it.
    pub control: bool,
}

/// What a command did the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRecord {
    /// The stream it was decided on.
    pub stream: StreamId,
    /// The version before it; its events follow this one.
    pub before: StreamVersion,
    /// The version after it.
    pub after: StreamVersion,
    /// The position of its last event, or where the stream stood if it emitted none.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// Records of commands by key.
///
/// # Contract
/// - A record is written by [`append`](super::EventStore::append) in the transaction of the
///   events, when the append carries a key; never otherwise.
/// - It survives restarts until [`forget_commands`](Self::forget_commands) removes it.
#[async_trait]
pub trait CommandStore: Send + Sync {
    /// What the command with this key did, or `None` if it has not been recorded.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn command(&self, key: &CommandKey) -> Result<Option<CommandRecord>, StoreError>;

    /// Removes the records written before `before` and returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    async fn forget_commands(&self, before: Timestamp) -> Result<u64, StoreError>;
}
