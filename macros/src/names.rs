//! The names that are stored: how they are made of Rust's, and which are allowed.

/// The longest category, in bytes, as the runtime has it.
pub(crate) const MAX_CATEGORY_BYTES: usize = 64;

/// The longest name of a table or column, in bytes.
pub(crate) const MAX_SQL_NAME_BYTES: usize = 48;

/// `OrderPlaced` → `order_placed`, `HTTPFailed` → `http_failed`, `Ipv6Set` → `ipv6_set`.
///
/// These names are stored for ever, so this function never changes; its test pins it.
pub(crate) fn snake_case(ident: &str) -> String {
    let chars: Vec<char> = ident.chars().collect();
    let mut name = String::with_capacity(ident.len() + 4);
    // The case of the last letter: digits belong to the word before them and change nothing.
    let (mut after_lowercase, mut after_uppercase) = (false, false);
    for (place, &c) in chars.iter().enumerate() {
        let before_lowercase = chars.get(place + 1).is_some_and(|next| next.is_lowercase());
        let begins_word = after_lowercase || (after_uppercase && before_lowercase);
        if c.is_uppercase() && begins_word {
            name.push('_');
        }
        name.extend(c.to_lowercase());
        if !c.is_numeric() {
            (after_lowercase, after_uppercase) = (c.is_lowercase(), c.is_uppercase());
        }
    }
    name
}

/// Words of `a-z`, `0-9` and `_`, joined by dots: a prefix, a category, a command.
pub(crate) fn is_dotted(name: &str) -> bool {
    name.split('.').all(|word| {
        !word.is_empty()
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    })
}

/// A dotted name of two words or more: an event type.
pub(crate) fn is_event_type(name: &str) -> bool {
    name.contains('.') && is_dotted(name)
}

/// Why a table or column cannot have this name, if it cannot.
pub(crate) fn sql_name_mistake(name: &str) -> Option<&'static str> {
    let first_fits = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    let all_fit = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !first_fits || !all_fit {
        return Some("it is made of `a-z`, `0-9` and `_`, and does not begin with a digit");
    }
    if name.len() > MAX_SQL_NAME_BYTES {
        return Some("it has at most 48 characters");
    }
    if name.starts_with("annals_") || name.starts_with("sqlite_") {
        return Some("names that begin with `annals_` or `sqlite_` are taken");
    }
    None
}

/// The tables that a store keeps beside read models, without the prefix that some give them. The
/// runtime has the same list, in `core/src/table/names.rs`.
const STORES_OWN: [&str; 8] =
    ["checkpoints", "commands", "events", "history", "migrations", "schemas", "snapshots", "state"];

/// Why a read model's table cannot have this name, if it cannot. The same with every store: a
/// program may move from one to another.
pub(crate) fn table_name_mistake(name: &str) -> Option<&'static str> {
    if let Some(mistake) = sql_name_mistake(name) {
        return Some(mistake);
    }
    if STORES_OWN.contains(&name) {
        return Some("a store has a table of this name for itself");
    }
    let generation = name.rsplit_once("__").map(|(_, digits)| digits);
    if generation.is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    }) {
        return Some("`__` and a number at the end mean a generation of another table");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_is_pinned_for_ever() {
        for (ident, name) in [
            ("Opened", "opened"),
            ("OrderPlaced", "order_placed"),
            ("HTTPFailed", "http_failed"),
            ("FailedHTTP", "failed_http"),
            ("ABTest", "ab_test"),
            ("X", "x"),
            ("AThing", "a_thing"),
            ("OpenedV2", "opened_v2"),
            ("V2Opened", "v2_opened"),
            ("Ipv6Set", "ipv6_set"),
            ("B2B", "b2b"),
            ("X9", "x9"),
            ("Foo_Bar", "foo_bar"),
            ("FOO_BAR", "foo_bar"),
            ("already_snake", "already_snake"),
            ("Überwiesen", "überwiesen"),
        ] {
            assert_eq!(snake_case(ident), name, "{ident}");
        }
    }

    #[test]
    fn event_types_have_two_words_or_more() {
        for name in ["account.opened", "shop.order.placed_2", "0.1", "_._"] {
            assert!(is_event_type(name), "{name}");
        }
        for name in ["account", "", ".", "account.", ".opened", "a..b", "Account.opened", "a-b.c"] {
            assert!(!is_event_type(name), "{name}");
        }
    }

    #[test]
    fn dotted_names_may_be_one_word() {
        assert!(is_dotted("account") && is_dotted("shop.account"));
        assert!(!is_dotted("") && !is_dotted("bank-account") && !is_dotted("überweisung"));
    }

    #[test]
    fn tables_of_stores_and_generations_are_taken() {
        for name in ["balances", "histories", "day__of", "names__", "__x1"] {
            assert_eq!(table_name_mistake(name), None, "{name}");
        }
        for (name, word) in [
            ("history", "for itself"),
            ("events", "for itself"),
            ("names__1", "generation"),
            ("__12", "generation"),
            ("Balances", "made of"),
        ] {
            let mistake = table_name_mistake(name).unwrap_or_default();
            assert!(mistake.contains(word), "{name}: {mistake}");
        }
        assert_eq!(sql_name_mistake("history"), None, "a column may be called so");
    }

    #[test]
    fn sql_names_say_what_is_wrong() {
        for name in ["balances", "_x", "day_2", &"a".repeat(48)] {
            assert_eq!(sql_name_mistake(name), None, "{name}");
        }
        for (name, word) in [
            ("", "made of"),
            ("2nd", "digit"),
            ("Balances", "made of"),
            ("a.b", "made of"),
            ("annals_events", "taken"),
            ("sqlite_master", "taken"),
            (&"a".repeat(49), "48"),
        ] {
            let mistake = sql_name_mistake(name).unwrap_or_default();
            assert!(mistake.contains(word), "{name}: {mistake}");
        }
    }
}
