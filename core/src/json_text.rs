//! Looking into JSON text without reading it: for U+0000, and for how deep it goes.
//!
//! Everything here takes text that is JSON; on other text it answers something, and never panics.

/// How U+0000 stands in JSON, where it cannot stand as itself.
const NUL: &str = "\\u0000";

/// The JSON pointer of the first string, or key, that holds U+0000.
pub(crate) fn find_nul(json: &str) -> Option<String> {
    // Nearly every text ends here, after a search for six bytes.
    json.contains(NUL)
        .then(|| Walk::over(json).find(|string| has_nul(string.raw)))?
        .map(|found| found.pointer)
}

/// The text with U+FFFD, which stands for a character that was lost, in place of each U+0000.
pub(crate) fn replace_nul(json: &str) -> String {
    let mut replaced = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        replaced.push_str(before);
        if let Some(behind) = escape.strip_prefix(NUL) {
            replaced.push_str("\\ufffd");
            rest = behind;
        } else {
            // A backslash and the character it is about, which may be another backslash.
            let length = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
            let (this, behind) = escape.split_at(length);
            replaced.push_str(this);
            rest = behind;
        }
    }
    replaced.push_str(rest);
    replaced
}

/// Whether more than `limit` arrays and objects stand inside each other.
pub(crate) fn is_deeper_than(json: &str, limit: usize) -> bool {
    let opens = |byte: &u8| matches!(byte, b'[' | b'{');
    if json.bytes().filter(opens).count() <= limit {
        return false;
    }
    let (mut depth, mut deepest, mut rest) = (0_usize, 0, json.as_bytes());
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => rest = &rest[end_of_string(rest)..],
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest > limit
}

/// Where a string ends, behind its closing quote, in the bytes behind its opening one.
fn end_of_string(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn has_nul(raw: &str) -> bool {
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at..];
        if escape.starts_with(NUL) {
            return true;
        }
        // Past the backslash and the character it is about.
        let mut behind = escape.chars();
        behind.nth(1);
        rest = behind.as_str();
    }
    false
}

/// A string or a key.
struct Found<'j> {
    /// The text between the quotes, as it is written.
    raw: &'j str,
    pointer: String,
}

/// Goes from string to string and knows where it is.
struct Walk<'j> {
    json: &'j str,
    at: usize,
    path: Vec<Step<'j>>,
}

enum Step<'j> {
    /// In an object; `None` where a key comes next.
    Key(Option<&'j str>),
    /// In an array.
    Item(usize),
}

impl<'j> Walk<'j> {
    fn over(json: &'j str) -> Self {
        Self { json, at: 0, path: Vec::new() }
    }

    fn pointer(&self) -> String {
        let steps = self.path.iter().map(|step| match step {
            Step::Item(place) => format!("/{place}"),
            Step::Key(None) => String::new(),
            Step::Key(Some(raw)) => format!("/{}", raw.replace('~', "~0").replace('/', "~1")),
        });
        let pointer: String = steps.collect();
        if pointer.is_empty() { "/".to_owned() } else { pointer }
    }
}

impl<'j> Iterator for Walk<'j> {
    type Item = Found<'j>;

    fn next(&mut self) -> Option<Found<'j>> {
        while let Some(byte) = self.json.as_bytes().get(self.at) {
            self.at += 1;
            match byte {
                b'{' => self.path.push(Step::Key(None)),
                b'[' => self.path.push(Step::Item(0)),
                b'}' | b']' => {
                    self.path.pop();
                }
                b',' => match self.path.last_mut() {
                    Some(Step::Item(place)) => *place += 1,
                    Some(Step::Key(key)) => *key = None,
                    None => {}
                },
                b'"' => {
                    let start = self.at;
                    self.at += end_of_string(&self.json.as_bytes()[start..]);
                    let raw = self.json.get(start..self.at - 1).unwrap_or_default();
                    if let Some(Step::Key(key @ None)) = self.path.last_mut() {
                        *key = Some(raw);
                    }
                    return Some(Found { raw, pointer: self.pointer() });
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_where_it_is() {
        for (json, pointer) in [
            (r#""\u0000""#, Some("/")),
            (r#"{"a":1,"b":{"c":["x",{"d":"\\\u0000"}]}}"#, Some("/b/c/1/d")),
            (r#"{"a":"x","b\u0000":1}"#, Some(r"/b\u0000")),
            (r#"{"a/b~":["\n","\u0000"]}"#, Some("/a~1b~0/1")),
            (r#"{"é":"😀\u0000"}"#, Some("/é")),
            // An escaped backslash, and the letters u0000.
            (r#"{"a":"\\u0000"}"#, None),
            (r#"{"a":"\u00001"}"#, Some("/a")),
            (r#"{"a":"\u0001 \"\u00e9"}"#, None),
            ("{}", None),
        ] {
            assert_eq!(find_nul(json).as_deref(), pointer, "{json}");
        }
    }

    #[test]
    fn only_nul_is_replaced() {
        for (json, replaced) in [
            (r#"["a\u0000b","\\u0000","\\\u0000"]"#, r#"["a\ufffdb","\\u0000","\\\ufffd"]"#),
            (r#"{"é\n":"\u0000\u0000"}"#, r#"{"é\n":"\ufffd\ufffd"}"#),
            ("12", "12"),
        ] {
            assert_eq!(replace_nul(json), replaced);
            assert_eq!(find_nul(&replace_nul(json)), None);
        }
    }

    #[test]
    fn depth_is_that_of_brackets_outside_strings() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_deeper_than(&nested(5), 4) && !is_deeper_than(&nested(5), 5));
        assert!(!is_deeper_than(r#"["[[[[[","\"[[["]"#, 2));
        assert!(!is_deeper_than("[[],[],[]]", 2));
    }

    #[test]
    fn text_that_is_no_json_is_answered_too() {
        for text in ["\"\\", "\\u0000", "\"\\u0000", "]}\"", "{\"é\\u0000", "\"\\é\\u0000"] {
            let _ = (find_nul(text), replace_nul(text), is_deeper_than(text, 0));
        }
    }
}
