//! The implementation of `ReadModel`, and the typed columns.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Index as Place, Type};

use super::{Column, Table};
use crate::tokens::{place, plain};

pub(super) fn items(table: &Table<'_>) -> TokenStream {
    let implementation = implementation(table);
    let columns = typed_columns(table);
    let keys = table.columns.iter().filter(|column| column.key).map(key_assertion);
    table.runtime.wrap(&quote!(#implementation #columns #(#keys)*))
}

fn implementation(table: &Table<'_>) -> TokenStream {
    let (owner, name) = (table.owner, &table.name);
    let width = table.columns.len();
    let specs = table.columns.iter().map(Column::spec);
    let key_places = table.columns.iter().enumerate().filter(|(_, column)| column.key);
    let key_places = key_places.map(|(place, _)| place);
    let indexes = table.indexes.iter().map(|index| {
        let (columns, unique) = (&index.columns, index.unique);
        quote!(__a::IndexSpec::new(::std::vec![#(#columns),*], #unique))
    });
    let key = Key::of(table);
    let Key { ty: key_type, value: key_value, to_values } = key;
    let values = table.columns.iter().map(Column::to_value);
    let settles = table.columns.iter().filter(|column| !column.json).map(Column::settle);
    let fields = table.columns.iter().map(|column| column.field);
    let reads = table.columns.iter().map(Column::read);
    quote! {
        #[automatically_derived]
        impl __a::ReadModel for #owner {
            type Key = #key_type;

            const TABLE: &'static str = #name;

            fn table() -> &'static __a::TableSpec {
                static __TABLE: ::std::sync::OnceLock<__a::TableSpec> =
                    ::std::sync::OnceLock::new();
                __TABLE.get_or_init(|| __a::TableSpec::new(
                    #name,
                    ::std::vec![#(#specs),*],
                    ::std::vec![#(#key_places),*],
                    ::std::vec![#(#indexes),*],
                ))
            }

            fn key(&self) -> Self::Key {
                #key_value
            }

            fn key_values(__key: &Self::Key) -> ::std::vec::Vec<__a::Value> {
                ::std::vec![#(#to_values),*]
            }

            fn to_row(&self) -> ::std::vec::Vec<__a::Value> {
                ::std::vec![#(#values),*]
            }

            fn settle(&mut self) {
                #(#settles)*
            }

            fn from_row(
                __row: ::std::vec::Vec<__a::Value>,
            ) -> ::core::result::Result<Self, __a::RowError> {
                let mut __row = __a::RowReader::new(#name, __row, #width)?;
                ::core::result::Result::Ok(Self { #(#fields: #reads,)* })
            }
        }
    }
}

/// One constant a field: `Balance::OWNER` names the column and knows its type.
fn typed_columns(table: &Table<'_>) -> TokenStream {
    let (owner, visibility) = (table.owner, table.visibility);
    let constants = table.columns.iter().filter(|column| !column.json).map(|column| {
        let Column { field, ty, name, .. } = column;
        let constant = format_ident!("{}", plain(field).to_uppercase(), span = place(field));
        let doc = format!("The column `{name}`, for conditions and orders.");
        quote! {
            #[doc = #doc]
            #visibility const #constant: __a::Column<#owner, #ty> = __a::Column::new(#name);
        }
    });
    quote! {
        #[automatically_derived]
        #[allow(private_interfaces)]
        impl #owner { #(#constants)* }
    }
}

/// The key's type and its ways; several fields are a tuple.
struct Key {
    ty: TokenStream,
    value: TokenStream,
    to_values: Vec<TokenStream>,
}

impl Key {
    fn of(table: &Table<'_>) -> Self {
        let columns: Vec<_> = table.columns.iter().filter(|column| column.key).collect();
        let types = columns.iter().map(|column| column.ty);
        let clones = columns.iter().map(|Column { field, ty, .. }| {
            quote_spanned!(place(ty)=> ::core::clone::Clone::clone(&self.#field))
        });
        if let [column] = columns.as_slice() {
            let to_value = column_value(column.ty);
            return Self {
                ty: quote!(#(#types)*),
                value: quote!(#(#clones)*),
                to_values: vec![quote!(#to_value::to_value(__key))],
            };
        }
        let to_values = columns.iter().enumerate().map(|(number, column)| {
            let (to_value, number) = (column_value(column.ty), Place::from(number));
            quote!(#to_value::to_value(&__key.#number))
        });
        Self {
            ty: quote!((#(#types),*)),
            to_values: to_values.collect(),
            value: quote!((#(#clones),*)),
        }
    }
}

impl Column<'_> {
    fn spec(&self) -> TokenStream {
        let name = &self.name;
        if self.json {
            return quote!(__a::ColumnSpec::new(#name, __a::ColumnType::Json, false));
        }
        let value = column_value(self.ty);
        quote_spanned! {place(self.ty)=>
            __a::ColumnSpec::new(#name, #value::TYPE, #value::NULLABLE)
        }
    }

    fn to_value(&self) -> TokenStream {
        let span = place(self.ty);
        let mut field = self.field.clone();
        field.set_span(span);
        if self.json {
            return quote_spanned!(span=> __a::json_to_value(&self.#field));
        }
        let value = column_value(self.ty);
        quote_spanned!(span=> #value::to_value(&self.#field))
    }

    fn settle(&self) -> TokenStream {
        let span = place(self.ty);
        let mut field = self.field.clone();
        field.set_span(span);
        let value = column_value(self.ty);
        quote_spanned!(span=> #value::settle(&mut self.#field);)
    }

    fn read(&self) -> TokenStream {
        let (name, span) = (&self.name, place(self.ty));
        if self.json {
            return quote_spanned!(span=> __row.next_json(#name)?);
        }
        quote_spanned!(span=> __row.next(#name)?)
    }
}

/// A type that is no column is reported at the type.
fn column_value(ty: &Type) -> TokenStream {
    quote_spanned!(place(ty)=> <#ty as __a::ColumnValue>)
}

fn key_assertion(column: &Column<'_>) -> TokenStream {
    let ty = column.ty;
    let assert = quote_spanned!(place(ty)=> __assert_key::<#ty>);
    quote! {
        const _: fn() = || {
            fn __assert_key<T: __a::KeyValue>() {}
            #assert();
        };
    }
}
