//! The indexes of a table, from the names of their columns to their places.

use proc_macro2::Span;
use syn::Ident;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};

use super::Column;
use crate::attributes::{Entry, list};
use crate::errors::Errors;
use crate::tokens::plain;

/// `index(country, day)`, as it was written.
pub(super) struct WrittenIndex {
    columns: Vec<Name>,
    unique: bool,
    span: Span,
}

/// An index that was found good.
pub(super) struct Index {
    /// Places of columns.
    pub(super) columns: Vec<usize>,
    pub(super) unique: bool,
    pub(super) span: Span,
}

/// The name of a column; it may be a keyword.
struct Name(Ident);

impl Parse for Name {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ident::parse_any(input).map(Self)
    }
}

impl WrittenIndex {
    pub(super) fn read(entry: &Entry<'_>, unique: bool, errors: &mut Errors) -> Option<Self> {
        let columns: Vec<Name> = entry.list(errors)?;
        if columns.is_empty() {
            errors.at_span(entry.span(), "an index needs a column: name one or more");
        }
        Some(Self { columns, unique, span: entry.span() })
    }
}

/// All indexes: those of single fields, then those of the struct.
pub(super) fn judge(
    single: Vec<Index>,
    written: Vec<WrittenIndex>,
    columns: &[Column<'_>],
    errors: &mut Errors,
) -> Vec<Index> {
    let composite = written.into_iter().map(|index| {
        let mut places = Vec::new();
        for Name(name) in &index.columns {
            let Some(place) = find(name, columns, errors) else { continue };
            if places.contains(&place) {
                errors.at(name, format!("`{}` stands twice in this index", plain(name)));
            }
            places.push(place);
        }
        Index { columns: places, unique: index.unique, span: index.span }
    });
    let composite: Vec<Index> = composite.collect();
    let mut all: Vec<Index> = Vec::new();
    for index in single.into_iter().chain(composite) {
        if !index.columns.is_empty() && all.iter().any(|other| other.columns == index.columns) {
            errors.at_span(index.span, "there is an index on these columns already: keep one");
        }
        all.push(index);
    }
    all
}

/// The column of this name, or else of the field of this name.
fn find(name: &Ident, columns: &[Column<'_>], errors: &mut Errors) -> Option<usize> {
    let written = plain(name);
    let by_column = columns.iter().position(|column| column.name == written);
    let place =
        by_column.or_else(|| columns.iter().position(|column| plain(column.field) == written));
    match place {
        None => {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let known = list(&known);
            errors.at(name, format!("there is no column `{written}`, the columns are {known}"));
        }
        Some(place) if columns[place].json => errors.at(name, "a JSON column cannot be indexed"),
        Some(_) => {}
    }
    place
}
