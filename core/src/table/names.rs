//! The names that a table may have, the same with every store.

/// The longest name of a table or column, in bytes: PostgreSQL's limit, less room for a suffix.
const MAX_NAME_BYTES: usize = 56;

/// The tables that a store keeps beside read models, without the prefix that some give them. The
/// derive has the same list, in `macros/src/names.rs`.
const STORES_OWN: [&str; 8] =
    ["checkpoints", "commands", "events", "history", "migrations", "schemas", "snapshots", "state"];

/// Whether a name can be written into SQL as it is.
pub(super) fn is_plain(name: &str) -> bool {
    let first_fits = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    first_fits
        && name.len() <= MAX_NAME_BYTES
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Why a table cannot have this name, if it cannot. A generation is judged as its table is.
pub(super) fn mistake(name: &str) -> Option<&'static str> {
    if !is_plain(name) {
        return Some(
            "a table's name is made of a-z, 0-9 and _, does not begin with a digit and has at \
             most 56 bytes",
        );
    }
    let table = match name.rsplit_once("__") {
        Some((table, number)) if number.bytes().all(|b| b.is_ascii_digit()) => table,
        _ => name,
    };
    if table.starts_with("annals_") || table.starts_with("sqlite_") {
        return Some("names that begin with `annals_` or `sqlite_` are taken");
    }
    if STORES_OWN.contains(&table) {
        return Some("a store has a table of this name for itself");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::mistake;

    #[test]
    fn a_generation_is_judged_as_its_table_is() {
        for name in ["balances", "balances__12", "histories", "history__of_ann"] {
            assert_eq!(mistake(name), None, "{name}");
        }
        for name in ["history", "history__3", "annals_events", "sqlite_rows__1", "Balances", ""] {
            assert!(mistake(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_derive_has_the_same_list() {
        let derive = include_str!("../../../macros/src/names.rs");
        let list = |text: &'static str| {
            let from = text.find("const STORES_OWN").expect("the list is there");
            text[from..].split_once("];").expect("it ends").0
        };
        assert_eq!(list(derive), list(include_str!("names.rs")));
    }
}
