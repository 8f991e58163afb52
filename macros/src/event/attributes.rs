//! What the user wrote in `#[event(…)]`, not judged yet.

use proc_macro2::Span;
use syn::{Attribute, LitInt, LitStr};

use super::upcast::Step;
use crate::attributes::{Keys, Seen, read};
use crate::errors::Errors;
use crate::runtime::Runtime;

/// On an enum.
pub(super) struct EnumAttributes {
    pub(super) runtime: Runtime,
    pub(super) prefix: Option<LitStr>,
    pub(super) retired: Vec<LitStr>,
    /// Where `transparent` stands.
    pub(super) transparent: Option<Span>,
    /// What is said to serde is for another derive.
    pub(super) ignores_serde: bool,
    pub(super) seen: Seen,
}

/// On a variant or a struct.
#[derive(Default)]
pub(super) struct TypeAttributes {
    pub(super) name: Option<LitStr>,
    /// What a struct says to serde, and is not respected, is for another derive.
    pub(super) ignores_serde: bool,
    pub(super) version: Option<(u32, LitInt)>,
    pub(super) steps: Vec<Step>,
    pub(super) seen: Seen,
}

const ENUM: Keys = Keys {
    known: &["prefix", "retired", "transparent", "ignore_serde", "crate"],
    repeatable: &["retired"],
};

const VARIANT: Keys = Keys {
    known: &["name", "version", "upcast", "try_upcast"],
    repeatable: &["upcast", "try_upcast"],
};

const STRUCT: Keys = Keys {
    known: &["name", "version", "upcast", "try_upcast", "ignore_serde", "crate"],
    repeatable: &["upcast", "try_upcast"],
};

impl EnumAttributes {
    pub(super) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut krate = None;
        let (mut prefix, mut retired, mut transparent) = (None, Vec::new(), None);
        let mut ignores_serde = false;
        let seen = read(attributes, "event", &ENUM, errors, |key, entry, errors| match key {
            "prefix" => prefix = entry.text(errors),
            "retired" => retired.extend(entry.list(errors).unwrap_or_default()),
            "transparent" => transparent = Some(entry.span()),
            "ignore_serde" => ignores_serde = true,
            _ => krate = entry.crate_path(errors),
        });
        let runtime = Runtime::new(krate);
        Self { runtime, prefix, retired, transparent, ignores_serde, seen }
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
        let seen = read(attributes, "event", keys, errors, |key, entry, errors| match key {
            "name" => this.name = entry.text(errors),
            "version" => this.version = entry.number(errors),
            "upcast" => this.steps.extend(Step::read(entry, false, errors)),
            "try_upcast" => this.steps.extend(Step::read(entry, true, errors)),
            "ignore_serde" => this.ignores_serde = true,
            _ => krate = entry.crate_path(errors),
        });
        this.seen = seen;
        (Runtime::new(krate), this)
    }
}
