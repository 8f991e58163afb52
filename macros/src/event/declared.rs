//! The event types that an enum's variants, or a struct, declare.

use syn::{DataEnum, DataStruct, DeriveInput, Fields, Ident};

use super::attributes::{EnumAttributes, TypeAttributes};
use super::{EventType, PayloadShape, names, serde_words, upcast};
use crate::attributes::list;
use crate::errors::Errors;
use crate::runtime::Runtime;

/// The variants of an enum. Those with a mistake may be left out: it has been reported.
pub(super) fn variants<'a>(
    owner: &Ident,
    attributes: &EnumAttributes,
    data: &'a DataEnum,
    errors: &mut Errors,
) -> Vec<EventType<'a>> {
    let prefix = names::prefix(attributes.prefix.as_ref(), errors);
    let mut types = Vec::new();
    let mut nameless = Vec::new();
    for variant in &data.variants {
        let written = TypeAttributes::of_variant(&variant.attrs, errors);
        let ident = &variant.ident;
        let name = match (&written.name, &prefix) {
            (Some(name), _) => Some(names::explicit(name, prefix.as_deref(), errors)),
            (None, Some(prefix)) => Some(names::derived(ident, prefix, errors)),
            (None, None) => {
                if written.seen.lacks("name") {
                    nameless.push(ident.to_string());
                }
                None
            }
        };
        let (version, upcasters) = upcast::judge(ident, written, errors);
        let payload = payload(&variant.fields, errors);
        let (Some(name), Some(payload)) = (name, payload) else { continue };
        types.push(EventType {
            ident,
            is_struct: false,
            name,
            rust_name: format!("{owner}::{ident}"),
            version,
            upcasters,
            payload,
            attributes: &variant.attrs,
        });
    }
    // A prefix that is there and wrong has been reported already.
    if !nameless.is_empty() && attributes.seen.lacks("prefix") {
        let (verb, nameless) = (if nameless.len() == 1 { "has" } else { "have" }, list(&nameless));
        errors.at(
            owner,
            format!(
                "{nameless} {verb} no stored name: add `#[event(prefix = \"…\")]` to the enum, \
                 or `#[event(name = \"…\")]` to each variant"
            ),
        );
    }
    names::refuse_duplicates(&types, errors);
    types
}

/// A struct, which is one type of event.
pub(super) fn structure<'a>(
    input: &'a DeriveInput,
    data: &'a DataStruct,
    errors: &mut Errors,
) -> (Runtime, Option<EventType<'a>>) {
    let (runtime, written) = TypeAttributes::of_struct(&input.attrs, errors);
    if !written.ignores_serde {
        serde_words::refuse_on_struct(&input.attrs, errors);
    }
    let ident = &input.ident;
    let name = written.name.as_ref().map(|name| names::explicit(name, None, errors));
    if written.seen.lacks("name") {
        errors.at(ident, format!("`{ident}` has no stored name: add `#[event(name = \"…\")]`"));
    }
    let (version, upcasters) = upcast::judge(ident, written, errors);
    let event_type = payload(&data.fields, errors).zip(name).map(|(payload, name)| EventType {
        ident,
        is_struct: true,
        name,
        rust_name: ident.to_string(),
        version,
        upcasters,
        payload,
        attributes: &input.attrs,
    });
    (runtime, event_type)
}

fn payload<'a>(fields: &'a Fields, errors: &mut Errors) -> Option<PayloadShape<'a>> {
    match fields {
        Fields::Unit | Fields::Named(_) => Some(PayloadShape::Fields(fields)),
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            Some(PayloadShape::Newtype(&unnamed.unnamed[0].ty))
        }
        Fields::Unnamed(_) => {
            errors.at(fields, "name the fields: a payload is a JSON object");
            None
        }
    }
}
