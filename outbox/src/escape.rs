//! Names of events, routes and places where not every character may stand.

use std::fmt::Write;

/// A text as it can stand in a URN and as a part of a name of a file: whatever is no letter or digit of
/// ASCII and none of `.`, `-` and `_` is written as `%` and its bytes, and so is a `.` at the beginning.
pub(crate) fn escaped(text: &str) -> String {
    escape(text, '%'.into())
}

/// The same as a key of an AsyncAPI document, where there is no `%`.
pub(crate) fn key(text: &str) -> String {
    escape(text, "_x".to_owned())
}

fn escape(text: &str, sign: String) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (place, byte) in text.bytes().enumerate() {
        let stays = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        match stays || (byte == b'.' && place > 0) {
            true => escaped.push(char::from(byte)),
            // Writing to a string cannot fail.
            false => drop(write!(escaped, "{sign}{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_stay_and_others_lead_nowhere() {
        assert_eq!(escaped("bank.account_2.opened-x"), "bank.account_2.opened-x");
        assert_eq!(escaped("../é x"), "%2E.%2F%C3%A9%20x");
        assert_eq!(key("shop / order.*"), "shop_x20_x2F_x20order._x2A");
    }
}
