//! The implementation of `Event` for the declared types.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Fields, Ident, Type};

use super::{EventType, PayloadShape, helper, upcast};
use crate::runtime::Runtime;
use crate::tokens::{place, plain};

/// What stands in the generated items for one event type.
struct Parts {
    /// Constants and helper structs before the implementation.
    items: TokenStream,
    descriptor: TokenStream,
    /// The arm that writes it.
    encode: TokenStream,
    /// The arm that reads it.
    decode: TokenStream,
}

pub(super) fn implementation(
    owner: &Ident,
    types: &[EventType<'_>],
    retired: &[String],
    runtime: &Runtime,
) -> TokenStream {
    let mut parts = Vec::new();
    for (place, event_type) in types.iter().enumerate() {
        parts.push(Parts::new(owner, place, event_type, runtime));
    }
    let items = parts.iter().map(|parts| &parts.items);
    let descriptors = parts.iter().map(|parts| &parts.descriptor);
    let encode = parts.iter().map(|parts| &parts.encode);
    let decode = parts.iter().map(|parts| &parts.decode);
    let names: Vec<_> = types.iter().map(|event_type| &event_type.name.name).collect();
    let versions = types.iter().map(|event_type| event_type.version);
    let constructors: Vec<_> = types.iter().map(EventType::constructor).collect();
    let reader = owner.to_string();
    quote! {
        const __RETIRED: &[&str] = &[#(#retired),*];
        #(#items)*

        #[automatically_derived]
        impl __a::Event for #owner {
            fn descriptors() -> ::std::vec::Vec<__a::EventDescriptor> {
                ::std::vec![#(#descriptors),*]
            }

            fn knows(__event_type: &str) -> bool {
                ::core::matches!(__event_type, #(#names)|*)
            }

            fn event_type(&self) -> &'static str {
                match self { #(#constructors { .. } => #names,)* }
            }

            fn schema_version(&self) -> u32 {
                match self { #(#constructors { .. } => #versions,)* }
            }

            fn encode(&self) -> ::core::result::Result<__a::Payload, __a::EncodeError> {
                match self { #(#encode)* }
            }

            fn decode(
                __event_type: &str,
                __version: u32,
                __payload: &str,
            ) -> ::core::result::Result<Self, __a::DecodeError> {
                match __event_type {
                    #(#decode)*
                    __other => ::core::result::Result::Err(
                        __a::DecodeError::unknown_type(__other, #reader),
                    ),
                }
            }
        }
    }
}

impl EventType<'_> {
    /// `Self::Opened`, or `Self` of a struct.
    fn constructor(&self) -> TokenStream {
        let ident = self.ident;
        if self.is_struct { quote!(Self) } else { quote!(Self::#ident) }
    }
}

impl Parts {
    fn new(owner: &Ident, place: usize, event_type: &EventType<'_>, runtime: &Runtime) -> Self {
        let upcasters = format_ident!("__UPCASTERS_{place}");
        let steps = upcast::expand(owner, &event_type.upcasters);
        let body = match &event_type.payload {
            PayloadShape::Fields(fields) => of_fields(owner, event_type, fields, runtime),
            PayloadShape::Newtype(inner) => of_newtype(event_type, inner),
        };
        let Body { helpers, payload_type, encode, construct } = body;
        let EventType { rust_name, version, .. } = event_type;
        let name = &event_type.name.name;
        let family = match &event_type.name.family {
            Some(family) => quote!(::core::option::Option::Some(#family)),
            None => quote!(::core::option::Option::None),
        };
        let (payload_type, span) = payload_type;
        let schema = quote_spanned!(span=> __a::schema_of::<#payload_type>());
        let read = quote_spanned! {span=>
            __a::decode(#name, #version, #upcasters, __version, __payload)?
        };
        Self {
            items: quote! {
                const #upcasters: &[__a::Upcaster] = #steps;
                #helpers
            },
            descriptor: quote! {
                __a::EventDescriptor {
                    event_type: #name,
                    rust_name: #rust_name,
                    family: #family,
                    retired: __RETIRED,
                    version: #version,
                    schema: || #schema,
                    upcasters: #upcasters,
                    read: |__version, __payload| {
                        <Self as __a::Event>::decode(#name, __version, __payload).map(|_| ())
                    },
                }
            },
            encode,
            decode: quote! {
                #name => {
                    let __data: #payload_type = #read;
                    ::core::result::Result::Ok(#construct)
                }
            },
        }
    }
}

/// What depends on the payload's shape.
struct Body {
    helpers: TokenStream,
    /// The type that is read and has the schema, and where a mistake in it belongs.
    payload_type: (TokenStream, Span),
    encode: TokenStream,
    /// The user's value, made of `__data`.
    construct: TokenStream,
}

fn of_fields(
    owner: &Ident,
    event_type: &EventType<'_>,
    fields: &Fields,
    runtime: &Runtime,
) -> Body {
    let (name, constructor) = (&event_type.name.name, event_type.constructor());
    let (owned, borrowed) = (helper::owned_name(event_type), helper::borrowed_name(event_type));
    let idents: Vec<_> = fields.iter().flat_map(|field| &field.ident).collect();
    let bindings: Vec<_> =
        idents.iter().map(|ident| format_ident!("__field_{}", plain(ident))).collect();
    let values = fields.iter().zip(&bindings);
    let values = values.map(|(field, binding)| helper::borrowed_value(field, binding));
    let mut helpers = helper::owned(owner, event_type, fields, runtime);
    let payload = if fields.is_empty() {
        quote!(__a::Empty {})
    } else {
        helpers.extend(helper::borrowed(owner, event_type, fields, runtime));
        quote!(#borrowed { #(#idents: #values),* })
    };
    Body {
        helpers,
        payload_type: (quote!(#owned), Span::call_site()),
        encode: quote! {
            #constructor { #(#idents: #bindings),* } => __a::encode(#name, &#payload),
        },
        construct: quote!(#constructor { #(#idents: __data.#idents),* }),
    }
}

fn of_newtype(event_type: &EventType<'_>, inner: &Type) -> Body {
    let (name, constructor) = (&event_type.name.name, event_type.constructor());
    let span = place(inner);
    let encode = quote_spanned!(span=> __a::encode(#name, __data));
    Body {
        helpers: TokenStream::new(),
        payload_type: (quote!(#inner), span),
        encode: quote!(#constructor(__data) => #encode,),
        construct: quote!(#constructor(__data)),
    }
}
