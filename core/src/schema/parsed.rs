//! A payload as a value, and whether a key comes twice in one of its objects: seen in one pass, because it
//! is done for every event that is written or comes in.

use std::fmt;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::twice::key_that_comes_twice;

/// A payload that was read.
pub(super) struct Parsed {
    pub(super) value: Value,
    /// Whether a key comes twice; the value has the last of the two.
    pub(super) twice: bool,
}

/// Whether numbers come as numbers. Where a crate of the program turns on `serde_json/arbitrary_precision`,
/// they come as objects that only `Value` itself understands.
static NUMBERS: LazyLock<bool> =
    LazyLock::new(|| read("1").is_ok_and(|parsed| parsed.value.is_number()));

/// Reads a payload.
pub(super) fn parse(payload: &str) -> serde_json::Result<Parsed> {
    match *NUMBERS {
        true => read(payload),
        false => {
            let value = serde_json::from_str(payload)?;
            Ok(Parsed { value, twice: key_that_comes_twice(payload).is_some() })
        }
    }
}

fn read(payload: &str) -> serde_json::Result<Parsed> {
    let mut twice = false;
    let mut deserializer = serde_json::Deserializer::from_str(payload);
    let value = Build { twice: &mut twice }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Parsed { value, twice })
}

struct Build<'t> {
    twice: &'t mut bool,
}

impl Build<'_> {
    /// For what stands within.
    fn within(&mut self) -> Build<'_> {
        Build { twice: self.twice }
    }
}

impl<'de> DeserializeSeed<'de> for Build<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Build<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self.within())?;
            *self.twice |= object.insert(key, value).is_some();
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = seq.next_element_seed(self.within())? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::parse;
    use crate::schema::twice::key_that_comes_twice;

    #[test]
    fn it_is_what_serde_reads() {
        for payload in [
            "null",
            " true ",
            "-7",
            "18446744073709551615",
            "1.5e300",
            "-0.0",
            r#""a\u00e9\n""#,
            "[]",
            "{}",
            r#"{"a": [1, {"b": null, "a": ""}], "c": {"d": [[], {}]}}"#,
            r#"{"a": 1, "b": 2, "a": 3}"#,
            r#"[{"x": {"y": 1, "\u0079": 2}}]"#,
        ] {
            let parsed = parse(payload).expect("it is JSON");
            let whole: Value = serde_json::from_str(payload).expect("it is JSON");
            assert_eq!(parsed.value, whole, "{payload}");
            assert_eq!(parsed.twice, key_that_comes_twice(payload).is_some(), "{payload}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_in_the_same_words() {
        let deep = "[".repeat(200);
        for payload in ["", "{", "{} x", "nul", r#"{"a" 1}"#, "1e999", &deep] {
            let error = parse(payload).err().map(|error| error.to_string());
            let whole = serde_json::from_str::<Value>(payload).err().map(|error| error.to_string());
            assert!(error.is_some(), "{payload}");
            assert_eq!(error, whole, "{payload}");
        }
    }
}
