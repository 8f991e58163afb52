//! The hidden structs that stand for the fields of one event type: one that is read and has the
//! schema, one that borrows and is written.
//!
//! The user's own type keeps no serde at all, so that an enum may derive serde's traits for
//! another purpose, with another shape.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::{Attribute, Field, Fields, Ident, Meta, MetaNameValue, Token};

use super::EventType;
use crate::attributes::skip_to_comma;
use crate::runtime::Runtime;
use crate::tokens::{place, plain, without_self};

/// The name of the struct that is read.
pub(super) fn owned_name(event_type: &EventType<'_>) -> Ident {
    format_ident!("__Owned{}", plain(event_type.ident))
}

/// The name of the struct that is written.
pub(super) fn borrowed_name(event_type: &EventType<'_>) -> Ident {
    format_ident!("__Borrowed{}", plain(event_type.ident))
}

/// The struct that is read: `Deserialize` and `JsonSchema`.
pub(super) fn owned(
    owner: &Ident,
    event_type: &EventType<'_>,
    fields: &Fields,
    runtime: &Runtime,
) -> TokenStream {
    let (name, helper) = (&event_type.name.name, owned_name(event_type));
    let (serde, schemars) = (runtime.text("serde"), runtime.text("schemars"));
    // Without it, serde's messages would tell of the hidden struct.
    let expecting = format!("the payload of `{name}`");
    let docs = only(event_type.attributes, &["doc"]);
    let container = container(event_type, &["rename_all", "deny_unknown_fields"]);
    let default = container_default(owner, event_type, fields);
    let default_attribute = default.as_ref().map(|_| quote!(#[serde(default = "__default")]));
    let members = fields.iter().map(|field| {
        let attributes = only(&field.attrs, &["doc", "serde", "schemars"]);
        let (ident, ty) = (&field.ident, without_self(&field.ty, owner));
        quote!(#(#attributes)* #ident: #ty)
    });
    quote! {
        #(#docs)*
        #[derive(__a::serde::Deserialize, __a::schemars::JsonSchema)]
        #[serde(crate = #serde, rename = #name, expecting = #expecting)]
        #[schemars(crate = #schemars, rename = #name, title = #name)]
        #(#[serde(#container)])*
        #default_attribute
        struct #helper { #(#members,)* }
        #default
    }
}

/// The struct that is written: `Serialize`.
pub(super) fn borrowed(
    owner: &Ident,
    event_type: &EventType<'_>,
    fields: &Fields,
    runtime: &Runtime,
) -> TokenStream {
    let (name, helper) = (&event_type.name.name, borrowed_name(event_type));
    let serde = runtime.text("serde");
    let container = container(event_type, &["rename_all"]);
    let lifetime = fields.iter().any(|field| !wants_owned(field)).then(|| quote!(<'__event>));
    let members = fields.iter().map(|field| {
        let attributes = only(&field.attrs, &["serde"]);
        let (ident, ty) = (&field.ident, without_self(&field.ty, owner));
        let reference = (!wants_owned(field)).then(|| quote!(&'__event));
        quote!(#(#attributes)* #ident: #reference #ty)
    });
    quote! {
        #[derive(__a::serde::Serialize)]
        #[serde(crate = #serde, rename = #name)]
        #(#[serde(#container)])*
        struct #helper #lifetime { #(#members,)* }
    }
}

/// The value of a field in the struct that is written, from a reference to the user's.
pub(super) fn borrowed_value(field: &Field, reference: &Ident) -> TokenStream {
    if wants_owned(field) {
        let span = place(&field.ty);
        let reference = Ident::new(&reference.to_string(), span);
        quote_spanned!(span=> ::core::clone::Clone::clone(#reference))
    } else {
        quote!(#reference)
    }
}

/// Functions named in these attributes take `&T`; a borrowing field would hand them `&&T`.
fn wants_owned(field: &Field) -> bool {
    let mut wants = false;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // A mistake in it is serde's to report, on the helper.
        let _ = attribute.parse_nested_meta(|meta| {
            let keys = ["with", "serialize_with", "skip_serializing_if"];
            wants |= keys.iter().any(|key| meta.path.is_ident(key));
            skip_to_comma(meta.input)
        });
    }
    wants
}

fn only<'a>(attributes: &'a [Attribute], names: &[&str]) -> Vec<&'a Attribute> {
    let wanted = |path: &syn::Path| names.iter().any(|name| path.is_ident(name));
    attributes.iter().filter(|attribute| wanted(attribute.path())).collect()
}

/// What a struct says to serde about itself as a whole, of these keys.
fn container(event_type: &EventType<'_>, keys: &[&str]) -> Vec<Meta> {
    if !event_type.is_struct {
        return Vec::new();
    }
    only(event_type.attributes, &["serde"])
        .into_iter()
        .filter_map(|attribute| {
            attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()
        })
        .flatten()
        .filter(|meta| keys.iter().any(|key| meta.path().is_ident(key)))
        .collect()
}

/// `#[serde(default)]` of a struct takes absent fields from a whole value of the user's struct.
fn container_default(
    owner: &Ident,
    event_type: &EventType<'_>,
    fields: &Fields,
) -> Option<TokenStream> {
    let meta = container(event_type, &["default"]).into_iter().next()?;
    let whole = match &meta {
        Meta::NameValue(MetaNameValue { value: syn::Expr::Lit(literal), .. }) => {
            let syn::Lit::Str(path) = &literal.lit else { return None };
            let path: syn::ExprPath = path.parse().ok()?;
            quote!(#path())
        }
        _ => quote_spanned!(place(&meta)=> <#owner as ::core::default::Default>::default()),
    };
    let helper = owned_name(event_type);
    let names: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    Some(quote! {
        fn __default() -> #helper {
            let __whole: #owner = #whole;
            #helper { #(#names: __whole.#names,)* }
        }
    })
}
