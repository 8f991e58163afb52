//! What a user says to serde about a whole event: it is respected or refused, never passed over.
//!
//! What is stored is stored for ever, so that a word which has no effect would be found out too late.

use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

use crate::attributes::list;
use crate::errors::Errors;

/// Of a struct, these are respected.
const RESPECTED: [&str; 3] = ["default", "deny_unknown_fields", "rename_all"];

/// These change nothing that is stored.
const HARMLESS: [&str; 4] = ["borrow", "bound", "crate", "expecting"];

/// On an enum: its names stand in `#[event(…)]`.
pub(super) fn refuse_on_enum(attributes: &[Attribute], errors: &mut Errors) {
    refuse(attributes, &[], "an enum of events", errors);
}

/// On a variant.
pub(super) fn refuse_on_variant(attributes: &[Attribute], errors: &mut Errors) {
    refuse(attributes, &[], "a variant of an event", errors);
}

/// On a struct, except what is respected.
pub(super) fn refuse_on_struct(attributes: &[Attribute], errors: &mut Errors) {
    refuse(attributes, &RESPECTED, "an event", errors);
}

fn refuse(attributes: &[Attribute], respected: &[&str], on: &str, errors: &mut Errors) {
    for attribute in attributes {
        let words = ["serde", "schemars"];
        let Some(word) = words.into_iter().find(|word| attribute.path().is_ident(word)) else {
            continue;
        };
        let written = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        let Some(written) = errors.keep(written) else { continue };
        for meta in written {
            let key = meta.path().get_ident().map(ToString::to_string).unwrap_or_default();
            let fine = HARMLESS.contains(&key.as_str()) || respected.contains(&key.as_str());
            if word == "serde" && fine {
                continue;
            }
            let way_out = match key.as_str() {
                "rename" | "alias" => "the stored name is `#[event(name = \"…\")]`".to_owned(),
                "rename_all" | "rename_all_fields" => {
                    "write `#[serde(rename = \"…\")]` on each field; names of events are \
                     `#[event(prefix = \"…\")]` or `#[event(name = \"…\")]`"
                        .to_owned()
                }
                "tag" | "content" | "untagged" => {
                    "the type of an event is stored beside its payload, never in it".to_owned()
                }
                "from" | "try_from" | "into" | "transparent" | "remote" => {
                    "make the payload a type of its own and the event a newtype of it, \
                     `Opened(Details)`"
                        .to_owned()
                }
                "default" | "deny_unknown_fields" => {
                    "put the fields into a struct of their own and make the event a newtype of it, \
                     `Opened(Details)`"
                        .to_owned()
                }
                _ if respected.is_empty() => "write it on the fields".to_owned(),
                _ => format!("{} are respected here, others on the fields", list(respected)),
            };
            errors.at(
                &meta,
                format!(
                    "`{word}({key})` on {on} would have no effect on what is stored: {way_out}; if \
                     it is meant for another derive, say so with `#[event(ignore_serde)]`"
                ),
            );
        }
    }
}
