//! Subjects: tokens with dots between them. In filters, `*` is one token and a last `>` one or more.

use super::errors::Trouble;
use crate::address::Address;

/// The subject that an address is.
///
/// # Errors
/// [`Trouble::Missing`] for what is none.
pub(super) fn of(address: &Address) -> Result<&str, Trouble> {
    let Address { name, routing_key } = address;
    if let Some(key) = routing_key {
        return Err(Trouble::Missing(format!(
            "NATS has subjects and no routing keys: write Address::new(\"{name}.{key}\")"
        )));
    }
    if name.split('.').any(|token| token == "*" || token == ">") {
        return Err(Trouble::Missing(format!(
            "`{name}` is many subjects, and a message goes to one: name it without `*` and `>`"
        )));
    }
    check(name).map_err(Trouble::Missing)?;
    Ok(name)
}

/// Whether it is a subject, or a filter of subjects.
pub(super) fn check(filter: &str) -> Result<(), String> {
    let mut tokens = filter.split('.').peekable();
    let mut whole = true;
    while let Some(token) = tokens.next() {
        whole &= !token.is_empty()
            && !token.contains(|c: char| c.is_whitespace() || c.is_control())
            && (token == "*" || !token.contains('*'))
            && (!token.contains('>') || (token == ">" && tokens.peek().is_none()));
    }
    if whole {
        Ok(())
    } else {
        Err(format!(
            "`{filter}` is no subject of NATS: write words with dots between them, without spaces"
        ))
    }
}

/// Whether each subject of `filter` is one of `wide`.
pub(super) fn covers(wide: &str, filter: &str) -> bool {
    let (mut wide, mut filter) = (wide.split('.'), filter.split('.'));
    loop {
        match (wide.next(), filter.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(own), Some(token)) if own == token => {}
            _ => return false,
        }
    }
}

/// Whether there is a subject that is one of both.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{check, covers, of, overlap};
    use crate::address::Address;

    #[test]
    fn an_address_is_one_subject() {
        assert_eq!(of(&Address::new("orders.placed")).expect("a subject"), "orders.placed");
        for name in ["", "a b", "a..b", "orders.*", ">", ".a", "a\r\nPUB x"] {
            assert!(of(&Address::new(name)).is_err(), "{name:?}");
        }
        assert!(of(&Address::new("a").routing_key("b")).is_err());
    }

    #[test]
    fn filters_are_compared_by_their_tokens() {
        for (wide, filter) in [("a.>", "a.b.c"), ("a.*", "a.b"), (">", "a"), ("a.>", "a.*.>")] {
            assert!(covers(wide, filter), "{wide} {filter}");
        }
        for (wide, filter) in [("a.>", "a"), ("a.*", "a.b.c"), ("a.*", "a.>"), ("a", "b")] {
            assert!(!covers(wide, filter), "{wide} {filter}");
        }
        for (one, other) in [("a.*", "*.b"), (">", "x.y"), ("a.>", "a.b.*"), ("a", "a")] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [("a.*", "b.*"), ("a.b", "a.b.c"), ("a.>", "a")] {
            assert!(!overlap(one, other) && !overlap(other, one), "{one} {other}");
        }
        for filter in ["a.*.>", "*", ">"] {
            assert!(check(filter).is_ok());
        }
        for filter in ["a.>.b", "a*", "a>", ""] {
            assert!(check(filter).is_err(), "{filter}");
        }
    }
}
