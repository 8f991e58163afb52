//! The stored names of the event types of one enum.

use std::collections::HashMap;

use proc_macro2::Span;
use syn::{Ident, LitStr};

use super::EventType;
use crate::errors::Errors;
use crate::names::{is_dotted, is_event_type, snake_case};
use crate::tokens::plain;

/// The name under which a type of event is stored, and where the user chose it.
pub(super) struct StoredName {
    pub(super) name: String,
    /// The prefix, when the name stands below it.
    pub(super) family: Option<String>,
    span: Span,
}

const RULE: &str = "two words or more of `a-z`, `0-9` and `_`, joined by dots, \
                    like `account.opened`";

/// The prefix of an enum, if it is one.
pub(super) fn prefix(written: Option<&LitStr>, errors: &mut Errors) -> Option<String> {
    let literal = written?;
    let prefix = literal.value();
    if is_dotted(&prefix) {
        return Some(prefix);
    }
    let rule = "a prefix is made of words of `a-z`, `0-9` and `_`, joined by dots, like `account`";
    errors.at(literal, format!("`{prefix}` cannot be a prefix: {rule}"));
    None
}

/// A name that was written out.
pub(super) fn explicit(literal: &LitStr, prefix: Option<&str>, errors: &mut Errors) -> StoredName {
    let name = literal.value();
    if !is_event_type(&name) {
        errors.at(literal, format!("`{name}` cannot be the name of an event: {RULE}"));
    }
    let below =
        |prefix: &&str| name.strip_prefix(*prefix).is_some_and(|rest| rest.starts_with('.'));
    let family = prefix.filter(below).map(str::to_owned);
    StoredName { name, family, span: literal.span() }
}

/// A name made of the prefix and the variant.
pub(super) fn derived(variant: &Ident, prefix: &str, errors: &mut Errors) -> StoredName {
    let name = format!("{prefix}.{}", snake_case(&plain(variant)));
    if !is_event_type(&name) {
        errors.at(
            variant,
            format!(
                "`{name}` cannot be the name of an event: {RULE}; \
                 write one with `#[event(name = \"…\")]`"
            ),
        );
    }
    StoredName { name, family: Some(prefix.to_owned()), span: variant.span() }
}

/// Two types under one name could not be told apart in the store.
pub(super) fn refuse_duplicates(types: &[EventType<'_>], errors: &mut Errors) {
    let mut first_of = HashMap::new();
    for event_type in types {
        let StoredName { name, span, .. } = &event_type.name;
        let first = *first_of.entry(name.as_str()).or_insert(event_type.ident);
        if first != event_type.ident {
            errors.at_span(*span, format!("`{name}` is already the name of `{first}`"));
        }
    }
}

/// The names that history holds and the enum gave up.
pub(super) fn retired(
    written: &[LitStr],
    types: &[EventType<'_>],
    errors: &mut Errors,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for literal in written {
        let name = literal.value();
        if !is_event_type(&name) {
            errors.at(literal, format!("`{name}` cannot be the name of an event: {RULE}"));
        } else if names.contains(&name) {
            errors.at(literal, format!("`{name}` is retired twice"));
        } else if let Some(living) = types.iter().find(|event_type| event_type.name.name == name) {
            let ident = living.ident;
            errors.at(literal, format!("`{name}` is retired, but `{ident}` still declares it"));
        }
        names.push(name);
    }
    names
}
