//! Text of outside on its way to a terminal, which would obey what stands in it.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal does something else with a character than to show it: controls, and what turns
/// the direction of text.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Text with controls written out, as `\n` or `\u{1b}`.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_obeyed(c) {
            true => shown.extend(c.escape_debug()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// JSON with controls written out in its own way, so that it stays the same JSON. Outside of strings
/// they are spaces.
pub(crate) fn visible_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_obeyed) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match c {
            // Inside strings they cannot stand as themselves.
            '\n' | '\r' | '\t' => shown.push(' '),
            // All that are obeyed have four digits.
            c if is_obeyed(c) => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{:04x}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// JSON on a line of its own, cut to so many characters.
pub(crate) fn one_line(json: &str, characters: usize) -> String {
    let cut = json.char_indices().nth(characters).map_or(json.len(), |(at, _)| at);
    let mut line = visible_json(&json[..cut]).into_owned();
    if cut < json.len() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        let text = "a\u{1b}[31m\u{9b}2J\r\n\u{202e}é😀";
        assert_eq!(escaped(text), "a\\u{1b}[31m\\u{9b}2J\\r\\n\\u{202e}é😀");
        assert_eq!(escaped("é😀 \"x\""), "é😀 \"x\"");
    }

    #[test]
    fn json_stays_the_same_json() {
        let json = "{\n\t\"a\": \"\u{7f}\u{9b}2J é\u{202e}\"}";
        let shown = visible_json(json);
        assert!(!shown.contains(is_obeyed));
        let [before, after]: [serde_json::Value; 2] =
            [json, &*shown].map(|text| serde_json::from_str(text).expect("it is JSON"));
        assert_eq!(before, after);
        assert_eq!(one_line("\"ééé\"", 3), "\"éé…");
    }
}
