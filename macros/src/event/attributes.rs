//! What the user wrote in `#[event(…)]`, not judged yet.

use proc_macro2::Span;
use syn::{Attribute, LitInt, LitStr};

use super::upcast::Step;
use crate::attributes::{Keys, read};
use crate::errors::Errors;
use crate::runtime::Runtime;

/// On an enum.
pub(super) struct EnumAttributes {
    pub(super) runtime: Runtime,
    pub(super) prefix: Option<LitStr>,
    pub(super) retired: Vec<LitStr>,
    /// Where `transparent` stands.
    pub(super) transparent: Option<Span>,
}

/// On a variant or a struct.
#[derive(Default)]
pub(super) struct TypeAttributes {
    pub(super) name: Option<LitStr>,
    pub(super) version: Option<(u32, LitInt)>,
    pub(super) steps: Vec<Step>,
}

const ENUM: Keys = Keys {
    known: &["prefix", "retired", "transparent", "crate"],
    repeatable: &["retired"],
};

const VARIANT: Keys = Keys {
    known: &["name", "version", "upcast", "try_upcast"],
    repeatable: &["upcast", "try_upcast"],
};

const STRUCT: Keys = Keys {
    known: &["name", "version", "upcast", "try_upcast", "crate"],
    repeatable: &["upcast", "try_upcast"],
};

impl EnumAttributes {
    pub(super) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut krate = None;
        let mut this =
            Self { runtime: Runtime::new(None), prefix: None, retired: Vec::new(), transparent: None };
        read(attributes, "event", &ENUM, errors, |key, entry, errors| match key {
            "prefix" => this.prefix = entry.text(errors),
            "retired" => this.retired.extend(entry.list(errors).unwrap_or_default()),
            "transparent" => this.transparent = Some(entry.span()),
            _ => krate = entry.crate_path(errors),
        });
        this.runtime = Runtime::new(krate);
        this
    }
}

impl TypeAttributes {
    pub(super) fn of_variant(attributes: &[Attribute], errors: &mut Errors) -> Self {
        Self::read(attributes, &VARIANT, errors).1
    }

    pub(super) fn of_struct(attributes: &[Attribute], errors: &mut Errors) -> (Runtime, Self) {
        Self::read(attributes, &STRUCT, errors)
    }

    fn read(attributes: &[Attribute], keys: &Keys, errors: &mut Errors) -> (Runtime, Self) {
        let mut krate = None;
        let mut this = Self::default();
        read(attributes, "event", keys, errors, |key, entry, errors| match key {
            "name" => this.name = entry.text(errors),
            "version" => this.version = entry.number(errors),
            "upcast" => this.steps.extend(Step::read(entry, false, errors)),
            "try_upcast" => this.steps.extend(Step::read(entry, true, errors)),
            _ => krate = entry.crate_path(errors),
        });
        (Runtime::new(krate), this)
    }
}
