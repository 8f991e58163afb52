//! The steps from older schema versions to the newest.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{ExprPath, Ident, LitInt, Token};

use super::attributes::TypeAttributes;
use crate::attributes::{Entry, bare_or_text};
use crate::errors::Errors;
use crate::tokens::{place, without_self};

/// `1 = withdrawn_v1`, as it was written.
pub(super) struct Step {
    from: LitInt,
    function: ExprPath,
    fallible: bool,
}

/// A step that was found good.
pub(super) struct Upcaster {
    from: u32,
    function: ExprPath,
    fallible: bool,
}

struct WrittenStep(LitInt, ExprPath);

impl Parse for WrittenStep {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let from = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self(from, bare_or_text(input)?))
    }
}

impl Step {
    /// `(1 = a_function, 2 = "path::to::another")`
    pub(super) fn read(entry: &Entry<'_>, fallible: bool, errors: &mut Errors) -> Vec<Self> {
        let written = entry.list::<WrittenStep>(errors).unwrap_or_default();
        written
            .into_iter()
            .map(|WrittenStep(from, function)| Self { from, function, fallible })
            .collect()
    }
}

/// How many missing steps of one type are named; the rest is counted.
const NAMED_GAPS: u32 = 8;

/// The newest version, and exactly one upcaster for every version before it, in order.
pub(super) fn judge(
    event_type: &Ident,
    attributes: TypeAttributes,
    errors: &mut Errors,
) -> (u32, Vec<Upcaster>) {
    let newest = attributes.version.as_ref().map_or(1, |(version, _)| *version);
    if let Some((0, literal)) = &attributes.version {
        errors.at(literal, "versions count from 1");
        return (0, Vec::new());
    }
    let mut upcasters: Vec<Upcaster> = Vec::new();
    for Step { from: literal, function, fallible } in attributes.steps {
        let Some(from) = errors.keep(literal.base10_parse::<u32>()) else { continue };
        if from == 0 {
            errors.at(literal, "versions count from 1");
        } else if upcasters.iter().any(|upcaster| upcaster.from == from) {
            let message = format!("two upcasters from version {from} of `{event_type}`: keep one");
            errors.at(literal, message);
        } else {
            if from >= newest {
                let message = format!(
                    "an upcaster from version {from} of `{event_type}`, whose newest version is \
                     {newest}: write `version = {}`, or remove it",
                    u64::from(from) + 1
                );
                errors.at(literal, message);
            }
            upcasters.push(Upcaster { from, function, fallible });
        }
    }
    upcasters.sort_by_key(|upcaster| upcaster.from);
    if let Some((_, literal)) = &attributes.version {
        name_gaps(event_type, newest, &upcasters, literal, errors);
    }
    (newest, upcasters)
}

fn name_gaps(
    event_type: &Ident,
    newest: u32,
    upcasters: &[Upcaster],
    at: &LitInt,
    errors: &mut Errors,
) {
    let present = upcasters.iter().filter(|upcaster| upcaster.from < newest).count();
    // There are no more upcasters than what fits a source file, so this is no truncation.
    let mut missing = (newest - 1).saturating_sub(present as u32);
    let is_missing = |from: &u32| !upcasters.iter().any(|upcaster| upcaster.from == *from);
    let named = missing.min(NAMED_GAPS);
    for from in (1..newest).filter(is_missing).take(named as usize) {
        let message = format!(
            "missing upcaster from version {from} to {} of `{event_type}`: \
             add `upcast({from} = a_function)`",
            from + 1
        );
        errors.at(at, message);
        missing -= 1;
    }
    if missing > 0 {
        errors.at(at, format!("and {missing} more upcasters of `{event_type}` are missing"));
    }
}

/// The array of steps. Each call stands where the user named the function, so that a function of
/// the wrong type is reported there.
pub(super) fn expand(owner: &Ident, upcasters: &[Upcaster]) -> TokenStream {
    let steps = upcasters.iter().map(|Upcaster { from, function, fallible }| {
        let span = place(function);
        let function = without_self(function, owner);
        let (schema, apply) = if *fallible {
            (
                quote_spanned!(span=> __a::try_upcaster_input_schema(#function)),
                quote_spanned!(span=> __a::try_upcast_step(__payload, #function)),
            )
        } else {
            (
                quote_spanned!(span=> __a::upcaster_input_schema(#function)),
                quote_spanned!(span=> __a::upcast_step(__payload, #function)),
            )
        };
        quote!(__a::Upcaster { from: #from, schema: || #schema, apply: |__payload| #apply })
    });
    quote!(&[#(#steps),*])
}
