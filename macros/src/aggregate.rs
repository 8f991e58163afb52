//! `#[derive(Aggregate)]`: the category and the types of an aggregate.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Ident, LitStr, Type};

use crate::attributes::{Entry, Keys, Seen, list, read};
use crate::errors::Errors;
use crate::names::{MAX_CATEGORY_BYTES, is_dotted, snake_case};
use crate::runtime::Runtime;
use crate::tokens::{plain, refuse_generics};

const KEYS: Keys = Keys {
    known: &["category", "id", "event", "error", "snapshot", "unknown", "crate"],
    repeatable: &[],
};

const SNAPSHOT: Keys = Keys { known: &["every", "name", "version"], repeatable: &[] };

/// The words `unknown` takes, and the variants they stand for.
const UNKNOWN: [(&str, &str); 3] = [("error", "Error"), ("skip", "Skip"), ("raw", "Raw")];

struct Snapshot {
    every: u64,
    name: Option<String>,
    version: u32,
    span: Span,
}

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    refuse_generics(
        input,
        "an aggregate cannot be generic: its category stands for one fixed type",
        &mut errors,
    );
    if let Data::Union(data) = &input.data {
        errors.at(data.union_token, "a union cannot be an aggregate: use a struct or an enum");
    }
    let (mut category, mut id, mut event, mut error) = (None, None, None, None);
    let (mut snapshot, mut unknown, mut krate) = (None, None, None);
    let seen =
        read(&input.attrs, "aggregate", &KEYS, &mut errors, |key, entry, errors| match key {
            "category" => {
                category = entry.text(errors).and_then(|text| judge_category(&text, errors))
            }
            "id" => id = entry.bare_or_text::<Type>(errors),
            "event" => event = entry.bare_or_text::<Type>(errors),
            "error" => error = entry.bare_or_text::<Type>(errors),
            "snapshot" => snapshot = read_snapshot(entry, errors),
            "unknown" => unknown = entry.word(errors).and_then(|word| judge_unknown(&word, errors)),
            _ => krate = entry.crate_path(errors),
        });
    name_missing(&input.ident, &seen, &mut errors);

    let runtime = Runtime::new(krate);
    let owner = &input.ident;
    let unknown = unknown.unwrap_or_else(|| Ident::new("Error", Span::call_site()));
    let snapshots = match snapshot {
        None => quote!(::core::option::Option::None),
        // A state that cannot be written is reported where snapshots were asked for.
        Some(Snapshot { every, name, version, span }) => {
            let name = name.unwrap_or_else(|| snake_case(&plain(owner)));
            let policy = quote_spanned!(span=> __a::SnapshotPolicy::<Self>::every);
            quote!(::core::option::Option::Some(#policy(#every, #name, #version)))
        }
    };
    let expansion = runtime.wrap(&quote! {
        #[automatically_derived]
        impl __a::Aggregate for #owner {
            const CATEGORY: &'static str = #category;
            const UNKNOWN: __a::UnknownEvents = __a::UnknownEvents::#unknown;
            type Id = #id;
            type Event = #event;
            type Error = #error;

            fn snapshots() -> ::core::option::Option<__a::SnapshotPolicy<Self>> {
                #snapshots
            }
        }
    });
    errors.finish(Some(expansion))
}

fn name_missing(owner: &Ident, seen: &Seen, errors: &mut Errors) {
    for (key, what) in [
        ("category = \"…\"", "the part of its streams' names before the `-`"),
        ("id = …", "the type of its identity"),
        ("event = …", "the type of its events"),
        ("error = …", "the type of its refusals"),
    ] {
        let (name, _) = key.split_once(' ').unwrap_or((key, ""));
        if seen.lacks(name) {
            errors.at(owner, format!("`{name}` is missing: add `#[aggregate({key})]`, {what}"));
        }
    }
}

fn judge_category(literal: &LitStr, errors: &mut Errors) -> Option<String> {
    let category = literal.value();
    let why = if category.contains('-') {
        "it cannot contain `-`: that is where the id begins"
    } else if !is_dotted(&category) {
        "it is made of words of `a-z`, `0-9` and `_`, joined by dots"
    } else if category.len() > MAX_CATEGORY_BYTES {
        "it has at most 64 characters"
    } else {
        return Some(category);
    };
    errors.at(literal, format!("`{category}` cannot be a category: {why}"));
    None
}

fn judge_unknown(word: &Ident, errors: &mut Errors) -> Option<Ident> {
    let written = plain(word);
    let Some((_, variant)) = UNKNOWN.iter().find(|(name, _)| *name == written) else {
        let known = list(&UNKNOWN.map(|(name, _)| name));
        errors.at(word, format!("`{written}` is no choice for unknown events, these are: {known}"));
        return None;
    };
    Some(Ident::new(variant, Span::call_site()))
}

fn judge_name(literal: &LitStr, errors: &mut Errors) -> Option<String> {
    let name = literal.value();
    if is_dotted(&name) && name.len() <= MAX_CATEGORY_BYTES {
        return Some(name);
    }
    errors.at(
        literal,
        format!(
            "`{name}` cannot be the name of a state: it is made of words of `a-z`, `0-9` and `_`, \
             joined by dots, and has at most 64 characters"
        ),
    );
    None
}

fn read_snapshot(entry: &Entry<'_>, errors: &mut Errors) -> Option<Snapshot> {
    let (mut every, mut name, mut version) = (None, None, None);
    let seen = entry.nested(&SNAPSHOT, errors, |key, entry, errors| match key {
        "every" => every = entry.number::<u64>(errors),
        "name" => name = entry.text(errors).and_then(|text| judge_name(&text, errors)),
        _ => version = entry.number::<u32>(errors),
    });
    if let Some((0, literal)) = &every {
        errors.at(literal, "a snapshot is kept every 1 event or more");
    }
    if let Some((0, literal)) = &version {
        errors.at(literal, "versions count from 1");
    }
    if seen.lacks("every") {
        errors.at_span(entry.span(), "say how often: `snapshot(every = 100)`");
    }
    Some(Snapshot {
        every: every?.0,
        name,
        version: version.map_or(1, |(version, _)| version),
        span: entry.span().resolved_at(Span::call_site()),
    })
}
