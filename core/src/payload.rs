//! An event's payload: JSON text, kept as text from codec to database and back.

use std::fmt;

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
    text: Box<str>,
    /// Whether it is known to be JSON, so that nobody has to look again.
    is_json: bool,
}

impl Payload {
    /// Takes text after checking that it is JSON.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        let text = text.into();
        let _: &RawValue = serde_json::from_str(&text)?;
        Ok(Self::of_json(text))
    }

    /// Takes text that a store has kept, unchecked. For authors of stores.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self { text: text.into(), is_json: false }
    }

    fn of_json(text: impl Into<Box<str>>) -> Self {
        Self { text: text.into(), is_json: true }
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
        match json_text::find_nul(&self.text) {
            None => self,
            Some(_) => Self { text: json_text::replace_nul(&self.text).into(), ..self },
        }
    }

    /// Makes sure that the text is JSON.
    pub(crate) fn check(&self) -> Result<(), serde_json::Error> {
        if !self.is_json {
            let _: &RawValue = serde_json::from_str(&self.text)?;
        }
        Ok(())
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// What could not be written: a map with keys that are no strings, or a failing `Serialize`.
    pub fn encode<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self::of_json)
    }

    /// Reads the text as a value.
    ///
    /// # Errors
    /// Where the text does not fit the type.
    pub fn decode<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for Payload {
    /// Goes into JSON as JSON, not as a string.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.text).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self::of_json(raw.get()))
    }
}
