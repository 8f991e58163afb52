//! Keys that come twice in one object: every reader takes one of the two, and not the same one.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::event::misfit::push_key;

/// The JSON pointer of the first key that comes twice in its object, if there is one.
pub(super) fn key_that_comes_twice(payload: &str) -> Option<String> {
    let (mut pointer, mut found) = (String::new(), false);
    let walk = Walk { pointer: &mut pointer, found: &mut found };
    // What is no JSON is for others to notice.
    let _ = walk.deserialize(&mut serde_json::Deserializer::from_str(payload));
    found.then_some(pointer)
}

/// Walks through a value and keeps nothing of it.
struct Walk<'w> {
    /// Where it is.
    pointer: &'w mut String,
    found: &'w mut bool,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys: HashSet<Cow<'de, str>> = HashSet::new();
        while let Some(key) = map.next_key_seed(Key)? {
            let outer = self.pointer.len();
            push_key(self.pointer, &key);
            if !keys.insert(key) {
                *self.found = true;
                return Err(A::Error::custom("a key comes twice"));
            }
            map.next_value_seed(Walk { pointer: self.pointer, found: self.found })?;
            self.pointer.truncate(outer);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let outer = self.pointer.len();
        for index in 0_u64.. {
            push_key(self.pointer, &index.to_string());
            let walk = Walk { pointer: self.pointer, found: self.found };
            if seq.next_element_seed(walk)?.is_none() {
                break;
            }
            self.pointer.truncate(outer);
        }
        self.pointer.truncate(outer);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A key, borrowed where it stands there as it is.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::key_that_comes_twice;

    #[test]
    fn it_is_found_at_any_depth_and_however_it_is_written() {
        for (payload, pointer) in [
            ("{}", None),
            ("7", None),
            (r#"{"a": {"a": [{"a": 1}, {"a": null}]}, "b": {"a": "a", "c": true}}"#, None),
            (r#"{"a": 1, "b": 2, "a": 1}"#, Some("/a")),
            (r#"{"a": 1, "\u0061": 1}"#, Some("/a")),
            (r#"[1, {"x": [{"y/z": 1.5, "y/z": -1}]}]"#, Some("/1/x/0/y~1z")),
            (r#"{"a": 1, "a""#, Some("/a")),
            (r#"{"a": 1, "b"#, None),
        ] {
            assert_eq!(key_that_comes_twice(payload).as_deref(), pointer, "{payload}");
        }
    }
}
