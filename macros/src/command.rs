//! `#[derive(Command)]`: the name of a command and the aggregate that decides it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, LitStr, Type};

use crate::attributes::{Keys, read};
use crate::errors::Errors;
use crate::names::{is_dotted, snake_case};
use crate::runtime::Runtime;
use crate::tokens::{plain, refuse_generics};

const KEYS: Keys = Keys { known: &["aggregate", "name", "crate"], repeatable: &[] };

const RULE: &str = "words of `a-z`, `0-9` and `_`, joined by dots";

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    refuse_generics(
        input,
        "a command cannot be generic: its name stands for one fixed type",
        &mut errors,
    );
    if let Data::Union(data) = &input.data {
        errors.at(data.union_token, "a union cannot be a command: use a struct or an enum");
    }
    let (mut aggregate, mut written, mut krate) = (None, None, None);
    let seen = read(&input.attrs, "command", &KEYS, &mut errors, |key, entry, errors| match key {
        "aggregate" => aggregate = entry.bare_or_text::<Type>(errors),
        "name" => written = entry.text(errors),
        _ => krate = entry.crate_path(errors),
    });
    let owner = &input.ident;
    if seen.lacks("aggregate") {
        errors.at(
            owner,
            "`aggregate` is missing: add `#[command(aggregate = …)]`, the type that decides it",
        );
    }
    let name = written.as_ref().map_or_else(|| snake_case(&plain(owner)), LitStr::value);
    if !is_dotted(&name) {
        match &written {
            Some(literal) => {
                errors.at(literal, format!("`{name}` cannot be the name of a command: {RULE}"));
            }
            None => errors.at(
                owner,
                format!(
                    "`{name}` cannot be the name of a command: {RULE}; \
                     write one with `#[command(name = \"…\")]`"
                ),
            ),
        }
    }
    let expansion = Runtime::new(krate).wrap(&quote! {
        #[automatically_derived]
        impl __a::Command for #owner {
            type Aggregate = #aggregate;
            const NAME: &'static str = #name;

            fn fingerprint(&self) -> __a::Fingerprint {
                #[allow(unused_imports)]
                use __a::{FingerprintByContent as _, FingerprintByName as _};
                (&__a::Probe(self)).fingerprint(#name)
            }

            fn schema() -> ::core::option::Option<__a::Json> {
                #[allow(unused_imports)]
                use __a::{NoSchema as _, SchemaOfType as _};
                (&__a::SchemaProbe::<Self>(::core::marker::PhantomData)).schema()
            }
        }
    });
    errors.finish(Some(expansion))
}
