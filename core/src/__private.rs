//! What generated code calls. Not for people; it changes without notice.

pub use schemars;
pub use serde;
pub use serde_json;
pub use serde_json::Value as Json;

pub use crate::aggregate::{Aggregate, Command, SnapshotPolicy};
pub use crate::aggregate::{NoSchema, SchemaOfType, SchemaProbe};
pub use crate::event::decode::decode;
pub use crate::event::encode::{Empty, encode};
pub use crate::event::upcast::{
    try_upcast_step, try_upcaster_input_schema, upcast_step, upcaster_input_schema,
};
pub use crate::event::{
    DecodeError, EncodeError, Event, EventDescriptor, UnknownEvents, UpcastError, Upcaster,
};
pub use crate::fingerprint::{Fingerprint, FingerprintByContent, FingerprintByName, Probe};
pub use crate::payload::Payload;
pub use crate::schema::schema_of;
pub use crate::spawned_read::SpawnedRead;
