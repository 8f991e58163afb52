//! An event's payload: JSON text, kept as text from codec to database and back.

use std::fmt;

use serde_json::value::RawValue;

/// JSON text. It is not parsed on the way through a store.
///
/// ```
/// use annals_core::Payload;
///
/// let payload = Payload::parse(r#"{"cents": 500}"#)?;
/// assert_eq!(payload.as_str(), r#"{"cents": 500}"#);
/// assert!(Payload::parse("{").is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Box<str>);

impl Payload {
    /// Takes text after checking that it is JSON.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        let text = text.into();
        let _: &RawValue = serde_json::from_str(&text)?;
        Ok(Self(text.into_boxed_str()))
    }

    /// Takes text that a store has kept, unchecked. For authors of stores.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// What could not be written: a map with keys that are no strings, or a failing `Serialize`.
    pub fn encode<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|text| Self(text.into_boxed_str()))
    }

    /// Reads the text as a value.
    ///
    /// # Errors
    /// Where the text does not fit the type.
    pub fn decode<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Payload {
    /// Goes into JSON as JSON, not as a string.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(raw.get().into()))
    }
}
