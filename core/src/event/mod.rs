//! What a user's event type tells the framework about itself.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod misfit;
pub(crate) mod upcast;

pub use decode::{DecodeError, UnknownEvents};
pub use encode::EncodeError;
pub use misfit::Misfit;
pub use upcast::{UpcastError, Upcaster};

use crate::payload::Payload;

/// A kind of event, or an enum of several kinds. Derived by `#[derive(Event)]`.
///
/// The derive makes the stable names, the schema of each version and the way through the
/// upcasters; writing this by hand is for generated code.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    note = "add `#[derive(Event)]` and `#[event(prefix = \"…\")]` to it"
)]
pub trait Event: Sized + Send + Sync + 'static {
    /// Every type of event that this Rust type stands for.
    fn descriptors() -> Vec<EventDescriptor>;

    /// Whether `event_type` is one of them.
    fn knows(event_type: &str) -> bool;

    /// The stable name of this event.
    fn event_type(&self) -> &'static str;

    /// The version of the schema that [`Event::encode`] writes.
    fn schema_version(&self) -> u32;

    /// Writes the payload.
    ///
    /// # Errors
    /// [`EncodeError`] when a field cannot be written as JSON.
    fn encode(&self) -> Result<Payload, EncodeError>;

    /// Reads a payload of any known version.
    ///
    /// # Errors
    /// [`DecodeError`] when the type is unknown, the version is newer than this program, an
    /// upcaster refuses, or the payload does not fit.
    fn decode(event_type: &str, version: u32, payload: &str) -> Result<Self, DecodeError>;
}

/// One type of event: its name, its versions, its schemas.
#[derive(Debug, Clone, Copy)]
pub struct EventDescriptor {
    /// The stable dotted name that is stored.
    pub event_type: &'static str,
    /// The name in the source, for messages.
    pub rust_name: &'static str,
    /// The prefix whose names belong together. A name that history holds under a family and that
    /// the program no longer declares is noticed at start.
    pub family: Option<&'static str>,
    /// Names that history holds and that the program gave up on purpose.
    pub retired: &'static [&'static str],
    /// The newest schema version, from 1.
    pub version: u32,
    /// The JSON Schema of the newest version.
    pub schema: fn() -> serde_json::Value,
    /// One step for every older version, in order.
    pub upcasters: &'static [Upcaster],
    /// Reads a payload of a version, to prove that it can be read.
    pub read: fn(version: u32, payload: &str) -> Result<(), DecodeError>,
}
