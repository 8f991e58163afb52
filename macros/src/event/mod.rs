//! `#[derive(Event)]`: stable names, schemas and upcasters of one type or an enum of types.
//!
//! `attributes` reads what the user wrote, `declared` and `union` judge it, `names`, `serde_words`
//! and `upcast` hold the rules of their subjects, `helper` makes the shapes of payloads, `expand` the
//! rest.

mod attributes;
mod declared;
mod expand;
mod helper;
mod names;
mod serde_words;
mod union;
mod upcast;

use proc_macro2::TokenStream;
use syn::{Attribute, Data, DeriveInput, Fields, Ident, Type};

use crate::errors::Errors;
use crate::runtime::Runtime;
use crate::tokens::refuse_generics;
use attributes::EnumAttributes;
use names::StoredName;
use upcast::Upcaster;

/// One type of event that is stored: a variant, or a struct.
struct EventType<'a> {
    /// The variant or the struct.
    ident: &'a Ident,
    is_struct: bool,
    name: StoredName,
    /// `AccountEvent::Opened`, for messages.
    rust_name: String,
    version: u32,
    upcasters: Vec<Upcaster>,
    payload: PayloadShape<'a>,
    /// Documentation, and what a struct says to serde: both go to the helper types.
    attributes: &'a [Attribute],
}

/// What the payload is made of.
enum PayloadShape<'a> {
    /// A JSON object of these fields, perhaps none.
    Fields(&'a Fields),
    /// Whatever JSON this type makes of itself.
    Newtype(&'a Type),
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    refuse_generics(
        input,
        "an event cannot be generic: its stored schema must be one fixed thing",
        &mut errors,
    );
    let (runtime, expansion) = match &input.data {
        Data::Enum(data) => {
            let attributes = EnumAttributes::read(&input.attrs, &mut errors);
            if !attributes.ignores_serde {
                serde_words::refuse_on_enum(&input.attrs, &mut errors);
                for variant in &data.variants {
                    serde_words::refuse_on_variant(&variant.attrs, &mut errors);
                }
            }
            if data.variants.is_empty() {
                errors.at(&input.ident, "an enum without variants has no events: add a variant");
            }
            let expansion = if let Some(transparent) = attributes.transparent {
                let members = union::members(&attributes, transparent, data, &mut errors);
                union::expand(&input.ident, &members)
            } else {
                let types = declared::variants(&input.ident, &attributes, data, &mut errors);
                let retired = names::retired(&attributes.retired, &types, &mut errors);
                expand::implementation(&input.ident, &types, &retired, &attributes.runtime)
            };
            (attributes.runtime, expansion)
        }
        Data::Struct(data) => {
            let (runtime, event_type) = declared::structure(input, data, &mut errors);
            let types: Vec<_> = event_type.into_iter().collect();
            let expansion = expand::implementation(&input.ident, &types, &[], &runtime);
            (runtime, expansion)
        }
        Data::Union(data) => {
            errors.at(data.union_token, "a union cannot be an event: use an enum or a struct");
            (Runtime::new(None), TokenStream::new())
        }
    };
    errors.finish(Some(runtime.wrap(&expansion)))
}
