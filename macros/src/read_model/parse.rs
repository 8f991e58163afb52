//! Reads a struct and its attributes, and judges them.

use std::collections::HashMap;

use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Ident, LitStr, Meta, Type};

use super::indexes::{self, Index, WrittenIndex};
use super::{Column, Table};
use crate::attributes::{Keys, read};
use crate::errors::Errors;
use crate::names::{sql_name_mistake, table_name_mistake};
use crate::runtime::Runtime;
use crate::tokens::{plain, refuse_generics};

const TABLE: Keys =
    Keys { known: &["table", "index", "unique", "crate"], repeatable: &["index", "unique"] };

const COLUMN: Keys = Keys { known: &["name", "json"], repeatable: &[] };

pub(super) fn table<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Option<Table<'a>> {
    refuse_generics(input, "a read model cannot be generic: its table has one fixed shape", errors);
    let (mut name, mut written, mut krate) = (None, Vec::new(), None);
    let seen = read(&input.attrs, "read_model", &TABLE, errors, |key, entry, errors| match key {
        "table" => name = entry.text(errors),
        "index" | "unique" => written.extend(WrittenIndex::read(entry, key == "unique", errors)),
        _ => krate = entry.crate_path(errors),
    });
    if seen.lacks("table") {
        errors.at(&input.ident, "`table` is missing: add `#[read_model(table = \"…\")]`");
    }
    if let Some(name) = &name {
        let written = name.value();
        if let Some(why) = table_name_mistake(&written) {
            errors.at(name, format!("`{written}` cannot be the name of a table: {why}"));
        }
    }
    let fields = named_fields(input, errors)?;
    let mut columns = Vec::new();
    let mut single = Vec::new();
    for (field, ident) in fields {
        let column = column(field, ident, errors);
        single.extend(index_mark(field, columns.len(), &column, errors));
        columns.push(column);
    }
    refuse_twins(&columns, errors);
    if !columns.iter().any(|column| column.key) {
        errors.at(&input.ident, "a read model needs a key: mark a field with `#[key]`");
    }
    let indexes = indexes::judge(single, written, &columns, errors);
    Some(Table {
        owner: &input.ident,
        visibility: &input.vis,
        runtime: Runtime::new(krate),
        name: name?.value(),
        columns,
        indexes,
    })
}

fn named_fields<'a>(
    input: &'a DeriveInput,
    errors: &mut Errors,
) -> Option<Vec<(&'a Field, &'a Ident)>> {
    let message = "a read model is a struct with named fields: each is a column of its table";
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                return Some(
                    fields.named.iter().filter_map(|f| Some((f, f.ident.as_ref()?))).collect(),
                );
            }
            Fields::Unnamed(fields) => errors.at(fields, message),
            Fields::Unit => errors.at(&input.ident, message),
        },
        Data::Enum(data) => errors.at(data.enum_token, message),
        Data::Union(data) => errors.at(data.union_token, message),
    }
    None
}

fn column<'a>(field: &'a Field, ident: &'a Ident, errors: &mut Errors) -> Column<'a> {
    let (mut written, mut json) = (None, false);
    read(&field.attrs, "column", &COLUMN, errors, |key, entry, errors| match key {
        "name" => written = entry.text(errors),
        _ => json = true,
    });
    let name = written.as_ref().map_or_else(|| plain(ident), LitStr::value);
    match &written {
        Some(literal) => judge_name(literal, &name, errors),
        None => judge_name(ident, &name, errors),
    }
    let key = mark(&field.attrs, "key", errors).is_some();
    if key && json {
        errors.at(ident, "a key cannot be JSON: keep what tells rows apart in a column of its own");
    } else if key && is_option(&field.ty) {
        errors.at(&field.ty, "a key cannot be an `Option`: every row has one");
    }
    Column { field: ident, ty: &field.ty, name, key, json }
}

/// `#[index]` on a field.
fn index_mark(
    field: &Field,
    place: usize,
    column: &Column<'_>,
    errors: &mut Errors,
) -> Option<Index> {
    let attribute = mark(&field.attrs, "index", errors)?;
    if column.json {
        errors.at(attribute, "a JSON column cannot be indexed");
    }
    Some(Index { columns: vec![place], unique: false, span: attribute.span() })
}

/// An attribute that stands once and takes nothing.
fn mark<'a>(attributes: &'a [Attribute], name: &str, errors: &mut Errors) -> Option<&'a Attribute> {
    let mut found = attributes.iter().filter(|attribute| attribute.path().is_ident(name));
    let first = found.next()?;
    for again in found {
        errors.at(again, format!("`#[{name}]` is given twice"));
    }
    if !matches!(first.meta, Meta::Path(_)) {
        let hint = if name == "index" {
            ": what spans several columns, or is unique, stands on the struct, \
             `#[read_model(index(a, b), unique(c))]`"
        } else {
            ": several fields with `#[key]` are one key, in their order"
        };
        errors.at(first, format!("`#[{name}]` takes nothing{hint}"));
    }
    Some(first)
}

fn judge_name(at: impl quote::ToTokens, name: &str, errors: &mut Errors) {
    if let Some(why) = sql_name_mistake(name) {
        let way_out = "`#[column(name = \"…\")]` gives another";
        errors.at(at, format!("`{name}` cannot be the name of a column: {why}, {way_out}"));
    }
}

fn refuse_twins(columns: &[Column<'_>], errors: &mut Errors) {
    let mut first_of = HashMap::new();
    for column in columns {
        let first = *first_of.entry(column.name.as_str()).or_insert(column.field);
        if first != column.field {
            let name = &column.name;
            errors.at(column.field, format!("`{name}` is already the column of `{first}`"));
        }
    }
}

/// As far as a macro can see: the runtime's `KeyValue` catches the rest.
fn is_option(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path
        .segments
        .last()
        .is_some_and(|last| last.ident == "Option" && !last.arguments.is_none())
}
