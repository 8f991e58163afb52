//! Reading `#[name(key = value, flag, list(…))]`, with every mistake collected.

use proc_macro2::{Span, TokenTree};
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Ident, LitInt, LitStr, Path, Token, parenthesized};

use crate::errors::Errors;
use crate::tokens::plain;

/// The keys an attribute takes.
pub(crate) struct Keys {
    /// All of them, as they are listed when an unknown one is met.
    pub(crate) known: &'static [&'static str],
    /// Those that may stand more than once.
    pub(crate) repeatable: &'static [&'static str],
}

/// One key of an attribute, before its value is read.
pub(crate) struct Entry<'a> {
    meta: ParseNestedMeta<'a>,
}

/// The keys that were met, with whatever value.
#[derive(Default)]
pub(crate) struct Seen {
    keys: Vec<String>,
    /// An attribute ended early, so more keys may have been meant.
    broken: bool,
}

impl Seen {
    /// Whether the user surely did not write the key. A key whose value is wrong is not lacking:
    /// one mistake is reported once.
    pub(crate) fn lacks(&self, key: &str) -> bool {
        !self.broken && !self.keys.iter().any(|seen| seen == key)
    }
}

/// Reads all attributes called `name`; `read` sees each known key and takes its value.
pub(crate) fn read(
    attributes: &[Attribute],
    name: &str,
    keys: &Keys,
    errors: &mut Errors,
    mut read: impl FnMut(&str, &Entry<'_>, &mut Errors),
) -> Seen {
    let mut seen = Seen::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        let result =
            attribute.parse_nested_meta(|meta| one(meta, keys, &mut seen.keys, errors, &mut read));
        seen.broken |= errors.keep(result).is_none();
    }
    seen
}

fn one(
    meta: ParseNestedMeta<'_>,
    keys: &Keys,
    seen: &mut Vec<String>,
    errors: &mut Errors,
    read: &mut impl FnMut(&str, &Entry<'_>, &mut Errors),
) -> syn::Result<()> {
    let entry = Entry { meta };
    let path = &entry.meta.path;
    let key = path.get_ident().map(plain).unwrap_or_default();
    let before = errors.count();
    if !keys.known.contains(&key.as_str()) {
        let words: Vec<String> = path.segments.iter().map(|word| plain(&word.ident)).collect();
        let (written, known) = (words.join("::"), list(keys.known));
        errors.at(path, format!("unknown attribute `{written}`, the known ones are {known}"));
    } else if seen.contains(&key) && !keys.repeatable.contains(&key.as_str()) {
        errors.at(path, format!("`{key}` is given twice"));
    } else {
        read(&key, &entry, errors);
    }
    seen.push(key);
    if errors.count() > before {
        // The next keys are read all the same: their mistakes are reported too.
        skip_to_comma(entry.meta.input)?;
    }
    Ok(())
}

/// "`a`, `b` and `c`".
pub(crate) fn list(names: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

impl Entry<'_> {
    /// Where the key stands.
    pub(crate) fn span(&self) -> Span {
        self.meta.path.span()
    }

    /// `= "text"`
    pub(crate) fn text(&self, errors: &mut Errors) -> Option<LitStr> {
        errors.keep(self.meta.value().and_then(|value| value.parse()))
    }

    /// `= 3`, with the literal for later mistakes.
    pub(crate) fn number<N>(&self, errors: &mut Errors) -> Option<(N, LitInt)>
    where
        N: std::str::FromStr<Err: std::fmt::Display>,
    {
        let literal: LitInt = errors.keep(self.meta.value().and_then(|value| value.parse()))?;
        Some((errors.keep(literal.base10_parse())?, literal))
    }

    /// `= some::Path`, or the same in quotes.
    pub(crate) fn bare_or_text<T: Parse>(&self, errors: &mut Errors) -> Option<T> {
        errors.keep(self.meta.value().and_then(|value| bare_or_text(value)))
    }

    /// `= word`, or the same in quotes: one of a few words.
    pub(crate) fn word(&self, errors: &mut Errors) -> Option<Ident> {
        self.bare_or_text(errors)
    }

    /// `(a, b, c)`
    pub(crate) fn list<T: Parse>(&self, errors: &mut Errors) -> Option<Vec<T>> {
        let parse = || {
            let content;
            parenthesized!(content in self.meta.input);
            Punctuated::<T, Token![,]>::parse_terminated(&content)
        };
        errors.keep(parse()).map(|items| items.into_iter().collect())
    }

    /// `(key = value, …)`
    pub(crate) fn nested(
        &self,
        keys: &Keys,
        errors: &mut Errors,
        mut read: impl FnMut(&str, &Entry<'_>, &mut Errors),
    ) -> Seen {
        let mut seen = Seen::default();
        let result =
            self.meta.parse_nested_meta(|meta| one(meta, keys, &mut seen.keys, errors, &mut read));
        seen.broken = errors.keep(result).is_none();
        seen
    }

    /// `= path` of the `crate` key.
    pub(crate) fn crate_path(&self, errors: &mut Errors) -> Option<Path> {
        self.bare_or_text(errors)
    }
}

/// A value that may stand in quotes.
pub(crate) fn bare_or_text<T: Parse>(input: ParseStream<'_>) -> syn::Result<T> {
    if input.peek(LitStr) { input.parse::<LitStr>()?.parse() } else { input.parse() }
}

/// Passes over a value, whatever it is.
pub(crate) fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
