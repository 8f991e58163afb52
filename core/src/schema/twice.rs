//! Keys that come twice in one object: every reader takes one of the two, and not the same one.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::event::misfit::push_key;

/// How many keys of an object are compared one by one; more are hashed.
const FEW: usize = 16;

/// The JSON pointer of the first key that comes twice in its object, if there is one.
pub fn key_that_comes_twice(payload: &str) -> Option<String> {
    // Nearly always there is none, and the way to it need not be remembered.
    walk(payload, None).then(|| {
        let mut pointer = String::new();
        walk(payload, Some(&mut pointer));
        pointer
    })
}

/// Whether a key comes twice. The walk ends there, and so does the pointer.
fn walk(payload: &str, pointer: Option<&mut String>) -> bool {
    let mut found = false;
    let walk = Walk { pointer, found: &mut found };
    // What is no JSON is for others to notice.
    let _ = walk.deserialize(&mut serde_json::Deserializer::from_str(payload));
    found
}

/// Walks through a value and keeps nothing of it.
struct Walk<'w> {
    /// Where it is, if anybody wants to know.
    pointer: Option<&'w mut String>,
    found: &'w mut bool,
}

impl Walk<'_> {
    /// For what stands within.
    fn within(&mut self) -> Walk<'_> {
        Walk { pointer: self.pointer.as_deref_mut(), found: self.found }
    }

    /// Takes a step, and returns where it began.
    fn step(&mut self, key: impl FnOnce(&mut String)) -> usize {
        let Some(pointer) = self.pointer.as_deref_mut() else { return 0 };
        let began = pointer.len();
        key(pointer);
        began
    }

    fn back(&mut self, began: usize) {
        if let Some(pointer) = self.pointer.as_deref_mut() {
            pointer.truncate(began);
        }
    }
}

/// The keys of one object so far.
#[derive(Default)]
struct Keys<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Keys<'de> {
    /// Whether it is new.
    fn insert(&mut self, key: Cow<'de, str>) -> bool {
        if self.few.len() < FEW {
            let new = !self.few.contains(&key);
            self.few.push(key);
            new
        } else {
            !self.few.contains(&key) && self.many.insert(key)
        }
    }
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

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut keys = Keys::default();
        while let Some(key) = map.next_key_seed(Key)? {
            let began = self.step(|pointer| push_key(pointer, &key));
            if !keys.insert(key) {
                *self.found = true;
                return Err(A::Error::custom("a key comes twice"));
            }
            map.next_value_seed(self.within())?;
            self.back(began);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        for index in 0_u64.. {
            let began = self.step(|pointer| push_key(pointer, &index.to_string()));
            let more = seq.next_element_seed(self.within())?.is_some();
            self.back(began);
            if !more {
                break;
            }
        }
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
    use std::sync::LazyLock;

    use super::key_that_comes_twice;

    /// More keys than are compared one by one, and two of them twice.
    static MANY: LazyLock<String> = LazyLock::new(|| {
        let keys: Vec<String> = (0..40).chain([7, 30]).map(|n| format!(r#""k{n}": 1"#)).collect();
        format!("{{{}}}", keys.join(", "))
    });

    #[test]
    fn it_is_found_at_any_depth_and_however_it_is_written() {
        for (payload, pointer) in [
            ("{}", None),
            ("7", None),
            (r#"{"a": {"a": [{"a": 1}, {"a": null}]}, "b": {"a": "a", "c": true}}"#, None),
            (r#"{"a": 1, "b": 2, "a": 1}"#, Some("/a")),
            (r#"{"a": 1, "\u0061": 1}"#, Some("/a")),
            (r#"[1, {"x": [{"y/z": 1.5, "y/z": -1}]}]"#, Some("/1/x/0/y~1z")),
            (&MANY, Some("/k7")),
            (r#"{"a": 1, "a""#, Some("/a")),
            (r#"{"a": 1, "b"#, None),
        ] {
            assert_eq!(key_that_comes_twice(payload).as_deref(), pointer, "{payload}");
        }
    }
}
