//! What a store remembers of commands, so that the same command twice has one effect.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::fingerprint::Fingerprint;
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

/// The command behind an append, which has its effect once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedCommand {
    /// By which it is recognised.
    pub key: CommandKey,
    /// What tells it from another command that comes with the same key; without one it is not
    /// compared.
    pub fingerprint: Option<Fingerprint>,
    /// What it came to.
    pub outcome: CommandOutcome,
}

impl KeyedCommand {
    /// The key.
    pub fn as_str(&self) -> &str {
        self.key.as_str()
    }
}

impl From<CommandKey> for KeyedCommand {
    fn from(key: CommandKey) -> Self {
        Self { key, fingerprint: None, outcome: CommandOutcome::Executed }
    }
}

/// How many bytes of a refusal are remembered.
pub const MAX_REFUSAL_BYTES: usize = 4096;

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandOutcome {
    /// It was executed, though perhaps nothing was to be done.
    Executed,
    /// It was refused, in these words, and the refusal was to be remembered.
    Refused(String),
}

impl CommandOutcome {
    /// A refusal to be remembered: its words without what a database cannot keep, cut to
    /// [`MAX_REFUSAL_BYTES`].
    pub fn refused(refusal: &impl fmt::Display) -> Self {
        let mut words = refusal.to_string().replace('\0', "\u{fffd}");
        let ends = words.char_indices().map(|(at, character)| at + character.len_utf8());
        words.truncate(ends.take_while(|end| *end <= MAX_REFUSAL_BYTES).last().unwrap_or(0));
        Self::Refused(words)
    }

    /// The words of a refusal. For authors of stores.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Executed => None,
            Self::Refused(words) => Some(words),
        }
    }

    /// From the words of a refusal, if it was one. For authors of stores.
    pub fn from_refusal(refusal: Option<String>) -> Self {
        refusal.map_or(Self::Executed, Self::Refused)
    }
}

/// How a command differs from the one that a key was used for before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDifference {
    /// It goes to another stream.
    Stream,
    /// It is another command, or the same with other content.
    Command,
}

impl fmt::Display for KeyDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "stream",
            Self::Command => "another command, or one with other content, on stream",
        })
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
    /// What tells it from another command under the same key.
    pub fingerprint: Option<Fingerprint>,
    /// What it came to.
    pub outcome: CommandOutcome,
}

impl CommandRecord {
    /// Whether `command`, on its way to `stream`, is the one that is recorded here.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when it is another.
    pub fn is_of(&self, command: &KeyedCommand, stream: &StreamId) -> Result<(), StoreError> {
        let same = match (self.fingerprint, command.fingerprint) {
            (Some(recorded), Some(new)) => recorded == new,
            _ => true,
        };
        let differs = match (self.stream == *stream, same) {
            (true, true) => return Ok(()),
            (true, false) => KeyDifference::Command,
            (false, _) => KeyDifference::Stream,
        };
        let (key, first) = (command.key.to_string(), self.stream.clone());
        Err(StoreError::KeyReused { key, first, differs })
    }
}

/// Records of commands by key.
///
/// # Contract
/// - A record is written by [`append`](super::EventStore::append) in the transaction of the
///   events, when the append carries a key; never otherwise. It keeps the append's fingerprint and
///   outcome.
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
