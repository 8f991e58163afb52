//! Where the generated code finds the runtime.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Path, parse_quote};

/// The crate whose `__private` module holds all that generated code calls.
pub(crate) struct Runtime(Path);

impl Runtime {
    /// The crate that `crate = path` names, or the facade.
    pub(crate) fn new(path: Option<Path>) -> Self {
        Self(path.unwrap_or_else(|| parse_quote!(::annals)))
    }

    /// The path to a re-exported crate as text, as the `crate` attributes of other derives want it.
    pub(crate) fn text(&self, item: &str) -> String {
        let krate = self.0.to_token_stream().to_string().replace(' ', "");
        format!("{krate}::__private::{item}")
    }

    /// Wraps generated items so that their names are seen by nobody, and the runtime as `__a`.
    pub(crate) fn wrap(&self, items: &TokenStream) -> TokenStream {
        let krate = &self.0;
        quote! {
            #[allow(
                dead_code,
                deprecated,
                non_camel_case_types,
                unused_qualifications,
                clippy::all,
                clippy::nursery,
                clippy::pedantic
            )]
            const _: () = {
                use #krate::__private as __a;
                #items
            };
        }
    }
}
