//! `#[event(transparent)]`: an enum of event enums, which has no types of its own.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{DataEnum, Fields, Ident, Type};

use super::attributes::EnumAttributes;
use crate::errors::Errors;
use crate::tokens::place;

/// A variant, and the event type it holds.
pub(super) struct Member<'a> {
    variant: &'a Ident,
    inner: &'a Type,
}

pub(super) fn members<'a>(
    attributes: &EnumAttributes,
    transparent: Span,
    data: &'a DataEnum,
    errors: &mut Errors,
) -> Vec<Member<'a>> {
    if attributes.prefix.is_some() || !attributes.retired.is_empty() {
        errors.at_span(
            transparent,
            "a transparent enum has no names of its own: \
             `prefix` and `retired` belong to the enums it holds",
        );
    }
    let mut members: Vec<Member<'a>> = Vec::new();
    for variant in &data.variants {
        for attribute in variant.attrs.iter().filter(|a| a.path().is_ident("event")) {
            errors.at(
                attribute,
                "a variant of a transparent enum has no name or version of its own: \
                 they belong to the enum it holds",
            );
        }
        let Fields::Unnamed(fields) = &variant.fields else {
            refuse_shape(variant, errors);
            continue;
        };
        if fields.unnamed.len() != 1 {
            refuse_shape(variant, errors);
            continue;
        }
        let inner = &fields.unnamed[0].ty;
        let text = inner.to_token_stream().to_string();
        let twin = members.iter().find(|m| m.inner.to_token_stream().to_string() == text);
        if let Some(twin) = twin {
            let first = twin.variant;
            errors.at(inner, format!("`{first}` already holds these events: keep one variant"));
        }
        members.push(Member { variant: &variant.ident, inner });
    }
    members
}

fn refuse_shape(variant: &syn::Variant, errors: &mut Errors) {
    let name = &variant.ident;
    errors.at(
        variant,
        format!("a variant of a transparent enum holds one event enum: `{name}({name}Event)`"),
    );
}

pub(super) fn expand(owner: &Ident, members: &[Member<'_>]) -> TokenStream {
    let reader = owner.to_string();
    let variants: Vec<_> = members.iter().map(|member| member.variant).collect();
    // Each at the place of the type, so that a type without events is reported there.
    let inner: Vec<_> = members
        .iter()
        .map(|Member { inner, .. }| quote_spanned!(place(inner)=> <#inner as __a::Event>))
        .collect();
    quote! {
        #[automatically_derived]
        impl __a::Event for #owner {
            fn descriptors() -> ::std::vec::Vec<__a::EventDescriptor> {
                let mut __all = ::std::vec::Vec::new();
                #(__all.extend(#inner::descriptors());)*
                __all
            }

            fn knows(__event_type: &str) -> bool {
                false #(|| #inner::knows(__event_type))*
            }

            fn event_type(&self) -> &'static str {
                match self { #(Self::#variants(__event) => #inner::event_type(__event),)* }
            }

            fn schema_version(&self) -> u32 {
                match self { #(Self::#variants(__event) => #inner::schema_version(__event),)* }
            }

            fn encode(&self) -> ::core::result::Result<__a::Payload, __a::EncodeError> {
                match self { #(Self::#variants(__event) => #inner::encode(__event),)* }
            }

            fn decode(
                __event_type: &str,
                __version: u32,
                __payload: &str,
            ) -> ::core::result::Result<Self, __a::DecodeError> {
                #(
                    if #inner::knows(__event_type) {
                        return #inner::decode(__event_type, __version, __payload)
                            .map(Self::#variants);
                    }
                )*
                ::core::result::Result::Err(__a::DecodeError::unknown_type(__event_type, #reader))
            }
        }
    }
}
