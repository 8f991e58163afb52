//! Foreign JSON: where in an object the parts of an event stand.

use std::collections::BTreeMap;

use annals_core::{CloudEvent, Payload, SpecVersion, key_that_comes_twice};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;
use uuid::Uuid;

use super::text;
use crate::message::Message;

/// Where in a JSON object the parts of an event stand, as
/// [JSON pointers](https://www.rfc-editor.org/rfc/rfc6901): `/data/order_id`.
///
/// ```
/// use annals_outbox::Mapping;
///
/// // {"event_id":"evt_1","event_type":"order.placed","event_version":"1.0","timestamp":"…","source":"…","data":{…}}
/// let mapping = Mapping::new("/event_type", "/data")
///     .id("/event_id")
///     .version("/event_version")
///     .time("/timestamp")
///     .source("/source")
///     .correlation("/correlation_id")
///     .stream("order", "/data/order_id");
/// # let _ = mapping;
/// ```
#[derive(Debug, Clone)]
pub struct Mapping {
    event_type: String,
    data: String,
    id: Id,
    version: Option<String>,
    time: Option<(String, bool)>,
    source: Option<String>,
    correlation: Option<String>,
    stream: Option<(String, String)>,
}

/// By what a message is known again.
#[derive(Debug, Clone)]
enum Id {
    /// What the broker carries as its id.
    OfMessage,
    /// What stands there, together.
    At(Vec<String>),
    /// The body: the same body is the same event.
    OfBody,
}

impl Mapping {
    /// Where the type and the data stand. Data at the empty pointer are the whole object. The id is the one
    /// that the broker carries, the version of the schema is 1, the time that of the receipt.
    pub fn new(event_type: impl Into<String>, data: impl Into<String>) -> Self {
        Self {
            event_type: event_type.into(),
            data: data.into(),
            id: Id::OfMessage,
            version: None,
            time: None,
            source: None,
            correlation: None,
            stream: None,
        }
    }

    /// Where the id stands.
    #[must_use]
    pub fn id(self, pointer: impl Into<String>) -> Self {
        Self { id: Id::At(vec![pointer.into()]), ..self }
    }

    /// Where texts and numbers stand that together are no other message's.
    #[must_use]
    pub fn id_of<P: Into<String>>(self, pointers: impl IntoIterator<Item = P>) -> Self {
        Self { id: Id::At(pointers.into_iter().map(Into::into).collect()), ..self }
    }

    /// There is no id: a message with the same body is the same.
    #[must_use]
    pub fn id_of_body(self) -> Self {
        Self { id: Id::OfBody, ..self }
    }

    /// Where the version of the schema stands, as a number or as text; what follows a dot is left out.
    #[must_use]
    pub fn version(self, pointer: impl Into<String>) -> Self {
        Self { version: Some(pointer.into()), ..self }
    }

    /// Where the time stands, with its zone.
    #[must_use]
    pub fn time(self, pointer: impl Into<String>) -> Self {
        Self { time: Some((pointer.into(), false)), ..self }
    }

    /// Where the time stands, which is meant in UTC where it has no zone.
    #[must_use]
    pub fn time_in_utc(self, pointer: impl Into<String>) -> Self {
        Self { time: Some((pointer.into(), true)), ..self }
    }

    /// Where the source stands.
    #[must_use]
    pub fn source(self, pointer: impl Into<String>) -> Self {
        Self { source: Some(pointer.into()), ..self }
    }

    /// Where the correlation id stands.
    #[must_use]
    pub fn correlation(self, pointer: impl Into<String>) -> Self {
        Self { correlation: Some(pointer.into()), ..self }
    }

    /// Whose event it is: a category, and where the id stands. Without it the key of the message is the
    /// stream, if it is written as one.
    #[must_use]
    pub fn stream(self, category: impl Into<String>, pointer: impl Into<String>) -> Self {
        Self { stream: Some((category.into(), pointer.into())), ..self }
    }

    pub(super) fn read(&self, message: &Message) -> Result<CloudEvent, String> {
        let body = text(message)?;
        let object: Value =
            serde_json::from_str(body).map_err(|error| format!("the body is no JSON: {error}"))?;
        if let Some(pointer) = key_that_comes_twice(body) {
            return Err(format!("the key `{pointer}` comes twice"));
        }
        let id = self.id_in(&object, message)?;
        let event_type = part(&object, "type", &self.event_type)?;
        let source = match &self.source {
            Some(pointer) => part(&object, "source", pointer)?,
            None => "/".to_owned(),
        };
        let mut extensions = BTreeMap::new();
        if let Some(pointer) = &self.correlation
            && let Ok(correlation) = part(&object, "correlation", pointer)
        {
            extensions.insert("correlationid".to_owned(), Value::String(correlation));
        }
        if let Some(pointer) = &self.version {
            let version = part(&object, "version", pointer)?;
            let number = version.split('.').next().unwrap_or_default();
            let number: u32 = number.parse().map_err(|_| {
                format!("the version at `{pointer}` is `{version}`, and begins with no number")
            })?;
            extensions.insert("schemaversion".to_owned(), Value::String(number.to_string()));
        }
        let stream = self.stream.as_ref().map(|(category, pointer)| {
            part(&object, "stream", pointer).map(|id| format!("{category}-{id}"))
        });
        let data = object
            .pointer(&self.data)
            .ok_or_else(|| format!("there are no data at `{}`", self.data))?;
        Ok(CloudEvent {
            specversion: SpecVersion::V1,
            id,
            source,
            event_type,
            subject: stream.transpose()?,
            time: self.time.as_ref().map(|time| time_at(&object, time)).transpose()?,
            datacontenttype: None,
            dataschema: None,
            data: Some(Payload::encode(data).map_err(|error| error.to_string())?),
            data_base64: None,
            extensions,
        })
    }

    fn id_in(&self, object: &Value, message: &Message) -> Result<String, String> {
        match &self.id {
            Id::OfMessage if message.id.is_empty() => {
                Err("the broker carries no id: the mapping has to say where it stands".to_owned())
            }
            Id::OfMessage => Ok(message.id.clone()),
            Id::At(pointers) => {
                let parts = pointers.iter().map(|pointer| part(object, "id", pointer));
                Ok(parts.collect::<Result<Vec<_>, _>>()?.join(" "))
            }
            Id::OfBody => Ok(Uuid::new_v5(&Uuid::NAMESPACE_URL, &message.body).to_string()),
        }
    }
}

/// A text or a number that must be there and not be empty.
fn part(object: &Value, what: &str, pointer: &str) -> Result<String, String> {
    match object.pointer(pointer) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::String(_)) => Err(format!("the {what} at `{pointer}` is empty")),
        Some(Value::Null) => Err(format!("the {what} at `{pointer}` is null")),
        Some(_) => Err(format!("the {what} at `{pointer}` is neither a text nor a number")),
        None => Err(format!("there is no {what} at `{pointer}`")),
    }
}

fn time_at(object: &Value, (pointer, in_utc): &(String, bool)) -> Result<Timestamp, String> {
    let written = part(object, "time", pointer)?;
    match written.parse::<Timestamp>() {
        Ok(time) => Ok(time),
        Err(error) => {
            let without_zone = written.parse::<DateTime>().ok().filter(|_| *in_utc);
            let time = without_zone.and_then(|time| time.to_zoned(TimeZone::UTC).ok());
            time.map(|time| time.timestamp())
                .ok_or_else(|| format!("the time at `{pointer}` cannot be read: {error}"))
        }
    }
}
