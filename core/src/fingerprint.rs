//! Telling content apart without keeping it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 of some content: equal content has equal fingerprints, on every machine and for ever.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of some bytes.
    pub fn of(content: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The fingerprint that a store has kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Of a named value by its JSON, in which the order of an object's keys says nothing. `None`
    /// when the value cannot be written as JSON.
    fn of_value<T: Serialize + ?Sized>(name: &str, value: &T) -> Option<Self> {
        let text = serde_json::to_string(value).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        let mut hasher = Sha256::new();
        feed_text(&mut hasher, name);
        feed(&mut hasher, &value);
        Some(Self(hasher.finalize().into()))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// Every value begins with its kind and ends by its length, so that no two read the same.
fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hasher.update(b"0"),
        Value::Bool(value) => hasher.update(if *value { b"t" } else { b"f" }),
        Value::Number(number) => {
            hasher.update(b"n");
            feed_text(hasher, &number.to_string());
        }
        Value::String(text) => {
            hasher.update(b"s");
            feed_text(hasher, text);
        }
        Value::Array(items) => {
            hasher.update(b"a");
            hasher.update((items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| feed(hasher, item));
        }
        Value::Object(fields) => {
            hasher.update(b"o");
            hasher.update((fields.len() as u64).to_le_bytes());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in fields {
                feed_text(hasher, key);
                feed(hasher, value);
            }
        }
    }
}

fn feed_text(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text);
}

/// Lets generated code ask whether a command can be written as JSON: of the two traits below the
/// compiler takes the first that fits.
#[derive(Debug)]
pub struct Probe<'c, C>(pub &'c C);

/// By name and content.
pub trait FingerprintByContent {
    /// The fingerprint.
    fn fingerprint(&self, name: &str) -> Fingerprint;
}

impl<C: Serialize> FingerprintByContent for Probe<'_, C> {
    fn fingerprint(&self, name: &str) -> Fingerprint {
        Fingerprint::of_value(name, self.0).unwrap_or_else(|| Fingerprint::of(name))
    }
}

/// By name alone, for what cannot be written as JSON.
pub trait FingerprintByName {
    /// The fingerprint.
    fn fingerprint(&self, name: &str) -> Fingerprint;
}

impl<C> FingerprintByName for &Probe<'_, C> {
    fn fingerprint(&self, name: &str) -> Fingerprint {
        Fingerprint::of(name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Fingerprint, FingerprintByContent, FingerprintByName, Probe};

    #[test]
    fn it_is_the_same_for_ever() {
        // It is stored in databases. If this test fails, the code is wrong.
        let of = Fingerprint::of_value("withdraw", &("ann", 500, true, 1.5, None::<u8>));
        let pinned =
            "Fingerprint(d1ff7679b943cf8f6a813a35be44b1bf4ef1e5c22a0a13ae23b779fc7c74f2d6)";
        assert_eq!(format!("{:?}", of.expect("it is JSON")), pinned);
    }

    #[test]
    fn the_order_of_keys_says_nothing_and_everything_else_does() {
        let map = |keys: std::ops::Range<u32>| -> HashMap<String, u32> {
            keys.map(|key| (key.to_string(), key)).collect()
        };
        let of = |name, map: &HashMap<String, u32>| Fingerprint::of_value(name, map);
        // Two maps with the same content rarely have the same order.
        assert_eq!(of("a", &map(0..50)), of("a", &map(0..50)));
        assert_ne!(of("a", &map(0..50)), of("a", &map(1..50)));
        assert_ne!(of("a", &map(0..50)), of("b", &map(0..50)));
        let nested = |a: &[&[u8]]| Fingerprint::of_value("a", a);
        assert_ne!(nested(&[&[1], &[2, 3]]), nested(&[&[1, 2], &[3]]));
    }

    #[test]
    fn what_is_no_json_is_known_by_its_name() {
        struct Opaque;
        assert_eq!((&Probe(&Opaque)).fingerprint("a"), Fingerprint::of("a"));
        assert_ne!(Probe(&7).fingerprint("a"), Fingerprint::of("a"));
    }
}
