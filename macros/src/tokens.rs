//! Small works on tokens that several derives share.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident};

use crate::errors::Errors;

/// The name without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// The place of these tokens, for generated code: a type error points at the user's words, and
/// lints still see that a macro wrote it.
pub(crate) fn place(tokens: &impl Spanned) -> Span {
    tokens.span().resolved_at(Span::call_site())
}

/// The tokens with `Self` written out, for items that stand outside the user's type.
pub(crate) fn without_self(tokens: &impl ToTokens, owner: &Ident) -> TokenStream {
    fn rewrite(stream: TokenStream, owner: &Ident) -> TokenStream {
        let one = |tree| match tree {
            TokenTree::Ident(ident) if ident == "Self" => {
                let mut owner = owner.clone();
                owner.set_span(ident.span());
                TokenTree::Ident(owner)
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), rewrite(group.stream(), owner));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        };
        stream.into_iter().map(one).collect()
    }
    rewrite(tokens.to_token_stream(), owner)
}

/// Refuses parameters of any kind, with the reason.
pub(crate) fn refuse_generics(input: &DeriveInput, message: &str, errors: &mut Errors) {
    if !input.generics.params.is_empty() {
        errors.at(&input.generics.params, message);
    } else if let Some(clause) = &input.generics.where_clause {
        errors.at(clause, message);
    }
}
