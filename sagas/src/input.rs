//! What an instance is told, as it stands in its stream.

use annals_core::{
    Event, EventId, EventType, Payload, Position, Recorded, RecordedEvent, StreamId, StreamVersion,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What an instance is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub enum Input {
    /// An event has happened.
    Event(HappenedEvent),
    /// A command was executed.
    Done {
        /// Its number.
        command: u64,
    },
    /// A command was refused by the domain.
    Refused {
        /// Its number.
        command: u64,
        /// Why, in the words of the aggregate's error.
        reason: String,
    },
    /// A deadline has come.
    Due {
        /// Its name.
        deadline: String,
        /// When it was due.
        at: Timestamp,
    },
    /// A person has spoken.
    Steered(Steer),
}

/// What a person may say to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "steer", rename_all = "kebab-case")]
pub enum Steer {
    /// The flow is to be compensated.
    Cancel {
        /// Who says it.
        by: String,
        /// Why.
        reason: String,
    },
    /// The command that was refused is to be tried once more.
    Retry {
        /// Who says it.
        by: String,
    },
    /// A person has done what the command that was refused should have done.
    Resolve {
        /// Who says it.
        by: String,
        /// How.
        note: String,
    },
}

impl Steer {
    /// Who says it.
    pub fn by(&self) -> &str {
        match self {
            Self::Cancel { by, .. } | Self::Retry { by } | Self::Resolve { by, .. } => by,
        }
    }
}

/// An event as an instance was told it: whole, so that the instance can be folded from its own stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HappenedEvent {
    /// The event's id.
    pub id: Uuid,
    /// Its stream.
    pub stream: String,
    /// Its place in that stream.
    pub version: u64,
    /// Its place in the log.
    pub position: u64,
    /// Its name.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The version of its schema.
    pub schema_version: u32,
    /// When the store wrote it.
    pub recorded_at: Timestamp,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its payload.
    pub data: Value,
}

impl HappenedEvent {
    /// An event to be told.
    ///
    /// # Errors
    /// When its payload is no JSON.
    pub fn of(event: &RecordedEvent) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: event.id.get(),
            stream: event.stream.to_string(),
            version: event.version.get(),
            position: event.position.get(),
            event_type: event.event_type.to_string(),
            schema_version: event.schema_version,
            recorded_at: event.recorded_at,
            occurred_at: event.occurred_at,
            data: serde_json::from_str(event.payload.as_str())?,
        })
    }

    /// The event as the saga knows it.
    ///
    /// # Errors
    /// Why it cannot be read any more.
    pub fn read<E: Event>(&self) -> Result<Recorded<E>, String> {
        let stream = StreamId::parse(self.stream.as_str()).map_err(|error| error.to_string())?;
        let payload = Payload::encode(&self.data).map_err(|error| error.to_string())?;
        let envelope = RecordedEvent {
            id: EventId::new(self.id),
            stream,
            version: StreamVersion::new(self.version),
            position: Position::new(self.position),
            event_type: EventType::from(self.event_type.as_str()),
            schema_version: self.schema_version,
            payload,
            recorded_at: self.recorded_at,
            occurred_at: self.occurred_at,
            metadata: std::sync::Arc::default(),
        };
        Recorded::decode(envelope).map_err(|error| error.to_string())
    }
}
