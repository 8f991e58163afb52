//! The derives of Annals: [`Event`], [`Aggregate`], [`Command`] and [`ReadModel`].
//!
//! Use them through the facade crate `annals`. They know no runtime crate at compile time: all
//! they emit is paths below `::annals::__private`, or below the crate that `crate = path` names.
//!
//! Every derive reads everything first and reports all mistakes at once; it emits either an
//! implementation or errors, never both.

mod aggregate;
mod attributes;
mod command;
mod errors;
mod event;
mod names;
mod read_model;
mod runtime;
mod tokens;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

#[doc = include_str!("docs/event.md")]
#[proc_macro_derive(Event, attributes(event, serde, schemars))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    emit(event::derive(&parse_macro_input!(input as DeriveInput)))
}

#[doc = include_str!("docs/aggregate.md")]
#[proc_macro_derive(Aggregate, attributes(aggregate))]
pub fn derive_aggregate(input: TokenStream) -> TokenStream {
    emit(aggregate::derive(&parse_macro_input!(input as DeriveInput)))
}

#[doc = include_str!("docs/command.md")]
#[proc_macro_derive(Command, attributes(command))]
pub fn derive_command(input: TokenStream) -> TokenStream {
    emit(command::derive(&parse_macro_input!(input as DeriveInput)))
}

#[doc = include_str!("docs/read_model.md")]
#[proc_macro_derive(ReadModel, attributes(read_model, key, index, column))]
pub fn derive_read_model(input: TokenStream) -> TokenStream {
    emit(read_model::derive(&parse_macro_input!(input as DeriveInput)))
}

fn emit(expansion: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expansion.unwrap_or_else(syn::Error::into_compile_error).into()
}
