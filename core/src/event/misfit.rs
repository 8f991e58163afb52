//! Where a payload does not fit a type, without telling what it holds.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use serde_path_to_error::Segment;

/// How a payload does not fit the type that reads it. Values are left out, because they may be
/// personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at `{pointer}` (line {line}, column {column}): {reason}")]
pub struct Misfit {
    /// The place in the payload, as a JSON pointer; `/` for the whole.
    pub pointer: String,
    /// The line of the text.
    pub line: usize,
    /// The column in it.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

/// Reads a payload as `T`.
pub(super) fn read<T: DeserializeOwned>(payload: &str) -> Result<T, Box<Misfit>> {
    serde_json::from_str(payload).map_err(|error| {
        Box::new(Misfit {
            pointer: place::<T>(payload),
            line: error.line(),
            column: error.column(),
            reason: reason(&error, payload),
        })
    })
}

/// Reads once more, slowly, to learn where it fails.
fn place<T: DeserializeOwned>(payload: &str) -> String {
    let mut reader = serde_json::Deserializer::from_str(payload);
    let read: Result<T, _> = serde_path_to_error::deserialize(&mut reader);
    let Err(error) = read else { return "/".to_owned() };
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => push_key(&mut pointer, key),
            // A variant's name stands in the payload only for some shapes, and the rest is lost.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    if pointer.is_empty() { "/".to_owned() } else { pointer }
}

/// A step of a JSON pointer.
pub(crate) fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
}

/// What serde says, without the value that it says it of.
fn reason(error: &serde_json::Error, payload: &str) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    match error.classify() {
        // Of a number that is too large for the parser or has a fraction, it reads the beginning.
        Category::Syntax if serde_json::from_str::<IgnoredAny>(payload).is_ok() => {
            return "a number that the type does not take".to_owned();
        }
        // The parser names what it would take, never what it found.
        Category::Syntax | Category::Eof | Category::Io => return text.to_owned(),
        Category::Data => {}
    }
    // Names of fields are the type's own.
    if text.starts_with("missing field ") || text.starts_with("duplicate field ") {
        return text.to_owned();
    }
    for kind in ["invalid type", "invalid value", "invalid length"] {
        // What is expected comes last, whatever the value holds.
        let found = text.strip_prefix(kind).and_then(|rest| rest.rsplit_once(", expected "));
        if let Some((found, expected)) = found {
            // `: string "…"`, of which the first word is the kind of value; a length is a number.
            let what = found
                .strip_prefix(": ")
                .map_or("", |found| found.split(['`', '"']).next().unwrap_or_default().trim_end());
            let separator = if what.is_empty() { "" } else { ": " };
            return format!("{kind}{separator}{what}, expected {expected}");
        }
    }
    for kind in ["unknown variant", "unknown field"] {
        if text.starts_with(kind) {
            return match text.rsplit_once("`, expected ") {
                Some((_, expected)) => format!("{kind}, expected {expected}"),
                None => kind.to_owned(),
            };
        }
    }
    "the type refuses the value".to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::read;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Row {
        id: uuid::Uuid,
        #[serde(default)]
        small: u8,
        #[serde(default)]
        colour: Option<Colour>,
        #[serde(default)]
        rows: Vec<BTreeMap<String, u32>>,
        #[serde(default)]
        pair: Option<(u8, u8)>,
        #[serde(default)]
        huge: u128,
    }

    #[derive(Debug, Deserialize)]
    enum Colour {
        Red,
        Green,
    }

    #[test]
    fn it_says_where_and_what_and_never_the_value() {
        let id = r#""id": "67e55044-10b1-426f-9247-bb680e5fe0c8""#;
        for (payload, pointer, reason) in [
            (r#"{"id": "secret"}"#.to_owned(), "/id", "the type refuses the value"),
            (r#"{"small": 7}"#.to_owned(), "/", "missing field `id`"),
            (
                format!(r#"{{{id}, "small": 77777}}"#),
                "/small",
                "invalid value: integer, expected u8",
            ),
            (
                format!(r#"{{{id}, "small": "secret, expected \" secret"}}"#),
                "/small",
                "invalid type: string, expected u8",
            ),
            (format!(r#"{{{id}, "secret": 1}}"#), "/secret", "unknown field"),
            (format!(r#"{{{id}, "colour": "secret"}}"#), "/colour", "unknown variant"),
            (
                format!(r#"{{{id}, "rows": [{{}}, {{"a/b": -1}}]}}"#),
                "/rows/1/a~1b",
                "invalid value",
            ),
            (format!(r#"{{{id}, "pair": [1]}}"#), "/pair", "invalid length, expected"),
            (format!(r#"{{{id}, {id}}}"#), "/", "duplicate field `id`"),
            (format!(r#"{{{id}, "huge": 3.4e38}}"#), "/", "a number that the type"),
            (format!(r#"{{{id}"#), "/", "EOF"),
            (format!(r#"{{{id}}} secret"#), "/", "trailing characters"),
        ] {
            let misfit = read::<Row>(&payload).expect_err("it does not fit");
            assert_eq!(misfit.pointer, pointer, "{payload}: {misfit}");
            assert!(misfit.reason.starts_with(reason), "{payload}: {misfit}");
            let shown = misfit.to_string();
            assert!(!shown.replace("/secret", "").contains("secret"), "{shown}");
            assert!(!shown.contains("77777"), "{shown}");
        }
    }
}
