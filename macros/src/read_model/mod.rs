//! `#[derive(ReadModel)]`: a struct as a table, its fields as columns.
//!
//! `parse` reads and judges, `indexes` finds the columns of each index, `expand` writes.

mod expand;
mod indexes;
mod parse;

use proc_macro2::TokenStream;
use syn::{DeriveInput, Ident, Type, Visibility};

use crate::errors::Errors;
use crate::runtime::Runtime;
use indexes::Index;

struct Table<'a> {
    owner: &'a Ident,
    visibility: &'a Visibility,
    runtime: Runtime,
    name: String,
    columns: Vec<Column<'a>>,
    indexes: Vec<Index>,
}

/// A field, and the column it is kept in.
struct Column<'a> {
    field: &'a Ident,
    ty: &'a Type,
    name: String,
    /// Part of the key.
    key: bool,
    /// Kept as JSON text.
    json: bool,
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    let table = parse::table(input, &mut errors);
    errors.finish(table).map(|table| expand::items(&table))
}
