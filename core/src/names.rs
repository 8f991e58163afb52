//! The names and numbers that place an event: stream, version, position, slice.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest stream name a store takes, in bytes.
pub const MAX_STREAM_NAME_BYTES: usize = 255;

/// The longest category, in bytes.
pub const MAX_CATEGORY_BYTES: usize = 64;

/// How many slices the log is cut into. Fixed for ever: it is stored with every event.
pub const SLICES: u16 = 1024;

/// The name of a stream, `category-id`: the consistency boundary of one aggregate.
///
/// The category ends at the first `-`; whatever follows is the id. Cloning is cheap.
///
/// ```
/// use annals_core::StreamId;
///
/// let stream = StreamId::new("account", "42")?;
/// assert_eq!(stream.as_str(), "account-42");
/// assert_eq!(stream.category(), "account");
/// assert_eq!(stream.id(), "42");
/// assert!(StreamId::new("bank-account", "42").is_err());
/// # Ok::<(), annals_core::InvalidName>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    name: Arc<str>,
    category_bytes: u8,
}

impl StreamId {
    /// Joins a category and an id.
    ///
    /// # Errors
    /// [`InvalidName`] when the category is empty, longer than 64 bytes or contains `-`, when the
    /// id is empty, when the whole is longer than 255 bytes, or when a control character is in it.
    pub fn new(category: &str, id: impl fmt::Display) -> Result<Self, InvalidName> {
        if category.contains('-') {
            return Err(InvalidName::new(
                category,
                "a category cannot contain `-`: that is where the id begins",
            ));
        }
        Self::parse(format!("{category}-{id}"))
    }

    /// Reads a whole name, `category-id`.
    ///
    /// # Errors
    /// As [`StreamId::new`].
    pub fn parse(name: impl Into<Arc<str>>) -> Result<Self, InvalidName> {
        let name = name.into();
        let refuse = |why| Err(InvalidName::new(&name, why));
        let Some(dash) = name.find('-') else {
            return refuse("a stream is named `category-id`, and there is no `-`");
        };
        if dash == 0 {
            return refuse("the category before the first `-` is empty");
        }
        if dash > MAX_CATEGORY_BYTES {
            return refuse("the category is longer than 64 bytes");
        }
        if dash + 1 == name.len() {
            return refuse("the id after the first `-` is empty");
        }
        if name.len() > MAX_STREAM_NAME_BYTES {
            return refuse("the name is longer than 255 bytes");
        }
        if has_control(&name) {
            return refuse("the name contains a control character");
        }
        // dash <= MAX_CATEGORY_BYTES, which is 64.
        let category_bytes = dash as u8;
        Ok(Self { name, category_bytes })
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The whole name, shared with this.
    pub fn shared(&self) -> Arc<str> {
        self.name.clone()
    }

    /// What stands before the first `-`.
    pub fn category(&self) -> &str {
        &self.name[..usize::from(self.category_bytes)]
    }

    /// What stands after the first `-`.
    pub fn id(&self) -> &str {
        &self.name[usize::from(self.category_bytes) + 1..]
    }

    /// The slice this stream falls into, for ever: that of its [`id`](Self::id), so that `order-17`
    /// and `payment-17` share one.
    pub fn slice(&self) -> Slice {
        Slice::of(self.id())
    }
}

/// Names are read with every event, and nearly all of them are ASCII.
fn has_control(name: &str) -> bool {
    match name.is_ascii() {
        // Looking at every byte is faster than stopping at the first: it is done many at a time.
        true => name.bytes().fold(false, |found, byte| found | byte.is_ascii_control()),
        false => name.chars().any(char::is_control),
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.name, f)
    }
}

impl FromStr for StreamId {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        Self::parse(name)
    }
}

/// A name that a store cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot be used: {why}")]
pub struct InvalidName {
    /// The name as it was given, shortened to 300 characters.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl InvalidName {
    pub(crate) fn new(name: &str, why: &'static str) -> Self {
        Self { name: name.chars().take(300).collect(), why }
    }
}

/// One of the [`SLICES`] parts of the log that consumers share out among themselves.
///
/// `FNV-1a (64 bit) of what stands behind the first "-" of the stream's name, its upper half folded
/// onto its lower, mod 1024`. The number is stored with each event and never changes; the algorithm
/// is pinned by a test. Streams of one id in several categories share a slice, so that a read model
/// with a row for each id can be partitioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slice(u16);

impl Slice {
    /// The slice of an id.
    pub fn of(id: &str) -> Self {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let hash =
            id.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
        let folded = hash ^ (hash >> 32);
        // The remainder is below 1024.
        Self((folded % u64::from(SLICES)) as u16)
    }

    /// The number, 0 to 1023.
    pub fn get(self) -> u16 {
        self.0
    }
}

/// The place of an event in the global log: dense, from 1. Zero stands for "before the first".
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The position with this number.
    pub const fn new(position: u64) -> Self {
        Self(position)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// How many events lie after `earlier` up to and including this one; 0 if it is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of an event in its stream: 1, 2, 3, … without holes. Zero stands for "no event".
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct StreamVersion(u64);

impl StreamVersion {
    /// A stream without events.
    pub const NONE: Self = Self(0);

    /// Later than any event: "up to the end".
    pub const MAX: Self = Self(i64::MAX as u64);

    /// The version with this number.
    pub const fn new(version: u64) -> Self {
        Self(version)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The version `events` events later, as far as numbers go.
    #[must_use]
    pub const fn plus(self, events: u64) -> Self {
        Self(self.0.saturating_add(events))
    }
}

impl fmt::Display for StreamVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an append believes about its stream; if it is wrong, nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpectedVersion {
    /// Nothing: append at the end, wherever that is.
    Any,
    /// The stream has no events yet.
    NoStream,
    /// The stream has at least one event.
    StreamExists,
    /// The stream's last event has exactly this version.
    Exact(StreamVersion),
}

impl ExpectedVersion {
    /// Whether a stream at `actual` meets the expectation.
    pub fn admits(self, actual: StreamVersion) -> bool {
        match self {
            Self::Any => true,
            Self::NoStream => actual == StreamVersion::NONE,
            Self::StreamExists => actual != StreamVersion::NONE,
            Self::Exact(version) => actual == version,
        }
    }
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any version"),
            Self::NoStream => f.write_str("no stream"),
            Self::StreamExists => f.write_str("an existing stream"),
            Self::Exact(version) => write!(f, "version {version}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_pinned_for_ever() {
        // These numbers are stored in databases. If this test fails, the code is wrong.
        for (name, slice) in
            [("account-1", 688), ("order-1", 688), ("account-2", 857), ("order-a-é", 185)]
        {
            let stream = StreamId::parse(name).expect("it is a stream's name");
            assert_eq!(stream.slice().get(), slice, "{name}");
        }
    }

    #[test]
    fn slices_spread_evenly() {
        let mut counts = vec![0u32; usize::from(SLICES)];
        for n in 0..102_400 {
            counts[usize::from(Slice::of(&format!("{n}")).get())] += 1;
        }
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(*least > 50 && *most < 160, "{least} to {most} where 100 are expected");
    }

    #[test]
    fn a_version_does_not_overflow() {
        let last = StreamVersion::new(u64::MAX);
        assert_eq!((last.plus(0), last.plus(1), last.plus(u64::MAX)), (last, last, last));
    }

    #[test]
    fn bad_names_say_why() {
        for (name, word) in [
            ("account", "no `-`"),
            ("-1", "empty"),
            ("account-", "empty"),
            ("account-\n", "control"),
        ] {
            let error = StreamId::parse(name).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(StreamId::new("a", "x".repeat(300)).is_err());
        assert!(StreamId::new(&"a".repeat(65), "x").is_err());
    }
}
