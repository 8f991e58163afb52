//! What is appended, and what comes of it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::check::{MAX_APPEND_BYTES, check_event};
use super::{
    CommandKey, CommandOutcome, CommandRecord, KeyedCommand, MAX_REFUSAL_BYTES, StoreError,
    Transaction,
};
use crate::envelope::{NewEvent, RecordedEvent};
use crate::names::{ExpectedVersion, Position, StreamId, StreamVersion};

/// How many events one append takes at the most, over all its streams.
pub const MAX_APPEND_EVENTS: usize = 10_000;

/// The events for one stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamAppend {
    /// The stream.
    pub stream: StreamId,
    /// What the stream must look like.
    pub expected: ExpectedVersion,
    /// The events, in order.
    pub events: Vec<NewEvent>,
}

/// One atomic append to one or several streams.
#[derive(Clone, Default)]
pub struct Append {
    /// What goes where; a stream stands here at most once.
    pub streams: Vec<StreamAppend>,
    /// Makes the append a command that has its effect once.
    pub command: Option<KeyedCommand>,
    /// What must happen in the same transaction.
    pub hooks: Vec<Arc<dyn AppendHook>>,
}

impl Append {
    /// An append to one stream.
    pub fn to(stream: StreamId, expected: ExpectedVersion, events: Vec<NewEvent>) -> Self {
        Self { streams: vec![StreamAppend { stream, expected, events }], ..Self::default() }
    }

    /// With another stream in the same transaction.
    #[must_use]
    pub fn and(
        mut self,
        stream: StreamId,
        expected: ExpectedVersion,
        events: Vec<NewEvent>,
    ) -> Self {
        self.streams.push(StreamAppend { stream, expected, events });
        self
    }

    /// With an idempotency key, or with a command that has one.
    #[must_use]
    pub fn with_command(mut self, command: impl Into<KeyedCommand>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// What is to be recorded of its command, if it has one. For authors of stores.
    pub fn command_record(&self, appended: &Appended) -> Option<(&CommandKey, CommandRecord)> {
        let (Some(command), [only]) = (&self.command, appended.streams.as_slice()) else {
            return None;
        };
        let record = CommandRecord {
            stream: only.stream.clone(),
            before: only.before,
            after: only.after,
            position: appended.position,
            recorded_at: appended.recorded_at,
            fingerprint: command.fingerprint,
            outcome: command.outcome.clone(),
        };
        Some((&command.key, record))
    }

    /// How many events it holds.
    pub fn event_count(&self) -> usize {
        self.streams.iter().map(|append| append.events.len()).sum()
    }

    /// How much room its events take, in bytes of payloads and metadata.
    pub fn bytes(&self) -> usize {
        self.streams.iter().flat_map(|append| &append.events).map(NewEvent::bytes).sum()
    }

    /// Checks what every store refuses in the same words: too many events or bytes, the same stream
    /// or the same id twice, a command over several streams, and events that some store could not
    /// keep: U+0000 in a name or a text, a payload that is no JSON or too large, a time or a schema
    /// version out of range.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        let refuse = |why: String| Err(StoreError::Invalid { why });
        let count = self.event_count();
        if count > MAX_APPEND_EVENTS {
            return refuse(format!(
                "one append takes at most {MAX_APPEND_EVENTS} events, this one has {count}: \
                 split it, or use the bulk import"
            ));
        }
        if count == 0 && self.command.is_none() && self.hooks.is_empty() {
            return refuse("there is nothing to append".to_owned());
        }
        if self.command.is_some() && self.streams.len() != 1 {
            return refuse("a command with an idempotency key appends to one stream".to_owned());
        }
        let outcome = self.command.as_ref().map(|command| &command.outcome);
        if let Some(CommandOutcome::Refused(words)) = outcome {
            if count > 0 {
                return refuse("a command that was refused has no events".to_owned());
            }
            if words.len() > MAX_REFUSAL_BYTES || words.contains('\0') {
                return refuse(format!(
                    "the words of a refusal have at most {MAX_REFUSAL_BYTES} bytes and no U+0000: \
                     `CommandOutcome::refused` makes them so"
                ));
            }
        }
        if self.streams.len() > 1 {
            let mut names: Vec<_> = self.streams.iter().map(|append| &append.stream).collect();
            names.sort();
            if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                return refuse(format!("stream `{}` stands in the append twice", twice[0]));
            }
        }
        if count > 1 {
            let events = self.streams.iter().flat_map(|append| &append.events);
            let mut ids: Vec<_> = events.map(|event| event.id).collect();
            ids.sort();
            if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
                return refuse(format!("event id {} stands in the append twice", twice[0]));
            }
        }
        for wanted in &self.streams {
            wanted.events.iter().try_for_each(|event| check_event(&wanted.stream, event))?;
        }
        let bytes = self.bytes();
        if bytes > MAX_APPEND_BYTES {
            return refuse(format!(
                "one append takes at most {MAX_APPEND_BYTES} bytes of payloads and metadata, this \
                 one has {bytes}: split it, or use the bulk import"
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Append")
            .field("streams", &self.streams)
            .field("command", &self.command)
            .field("hooks", &self.hooks.len())
            .finish()
    }
}

/// Something that happens in the transaction of an append.
#[async_trait]
pub trait AppendHook: Send + Sync {
    /// Comes first, before the log is locked, and always, also when there are no events to append:
    /// for what need not see them, such as the checkpoint of the input that the append answers. An
    /// error undoes the append; and when the append turns out to be a conflict or a repetition, what
    /// was done here is undone.
    async fn before(&self, _transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        Ok(())
    }

    /// Comes after the events are written, if there are any, and until the commit nobody else
    /// appends. Sees the events with their positions. An error undoes the append, and so does a failure of
    /// the transaction that the hook keeps to itself.
    async fn run(
        &self,
        events: &[RecordedEvent],
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError>;
}

/// What an append did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// One entry a stream, in the order they were given.
    pub streams: Vec<AppendedStream>,
    /// The position of the last event.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Whether this is the first result of an append that had been made before.
    pub repeated: bool,
}

/// What an append did to one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendedStream {
    /// The stream.
    pub stream: StreamId,
    /// The version before; the new events follow this one.
    pub before: StreamVersion,
    /// The version after.
    pub after: StreamVersion,
}

impl From<CommandRecord> for Appended {
    /// The first result of a command that came again.
    fn from(record: CommandRecord) -> Self {
        Self {
            streams: vec![AppendedStream {
                stream: record.stream,
                before: record.before,
                after: record.after,
            }],
            position: record.position,
            recorded_at: record.recorded_at,
            repeated: true,
        }
    }
}
