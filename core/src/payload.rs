//! An event's payload: JSON text, kept as text from codec to database and back.

use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::json_text;

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
#[derive(Clone)]
pub struct Payload {
    text: Text,
}

/// The text. Copies share it.
#[derive(Clone)]
enum Text {
    /// Known to be JSON, so that nobody has to look again.
    Json(Arc<RawValue>),
    /// As it was kept.
    Kept(Arc<str>),
}

impl Payload {
    /// Takes text after checking that it is JSON.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text.into()).map(Self::of_json)
    }

    /// Takes text that a store has kept, unchecked. For authors of stores.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self { text: Text::Kept(text.into()) }
    }

    fn of_json(text: Box<RawValue>) -> Self {
        Self { text: Text::Json(text.into()) }
    }

    /// The payload with U+FFFD in place of each U+0000 in its strings and keys: for imports, because
    /// no store keeps U+0000.
    ///
    /// ```
    /// use annals_core::Payload;
    ///
    /// let payload = Payload::parse(r#"{"name": "a\u0000b"}"#)?.replacing_nul();
    /// assert_eq!(payload.as_str(), r#"{"name": "a\ufffdb"}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn replacing_nul(self) -> Self {
        match json_text::find_nul(self.as_str()) {
            None => self,
            // The text is looked at again where that matters.
            Some(_) => Self::from_stored(json_text::replace_nul(self.as_str())),
        }
    }

    /// Makes sure that the text is JSON.
    pub(crate) fn check(&self) -> Result<(), serde_json::Error> {
        if let Text::Kept(text) = &self.text {
            let _: &RawValue = serde_json::from_str(text)?;
        }
        Ok(())
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// What could not be written: a map with keys that are no strings, or a failing `Serialize`.
    pub fn encode<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self::of_json)
    }

    /// Reads the text as a value.
    ///
    /// # Errors
    /// Where the text does not fit the type.
    pub fn decode<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.text {
            Text::Json(text) => text.get(),
            Text::Kept(text) => text,
        }
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Payload {
    /// Goes into JSON as JSON, not as a string.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.text {
            Text::Json(text) => text.serialize(serializer),
            Text::Kept(text) => {
                let raw: &RawValue =
                    serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
                raw.serialize(serializer)
            }
        }
    }
}

impl<'de> serde::Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::of_json)
    }
}
