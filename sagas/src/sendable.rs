//! What a saga can send.

use std::fmt::Display;

use annals_core::{Aggregate, Command};
use serde::Serialize;

/// A command that a saga can send. Every [`Command`] that can be written is one; of another service's commands
/// it is enough to know what they are called there and how they are written.
///
/// ```
/// use annals_sagas::{Commands, Sendable};
/// use serde::Serialize;
///
/// /// As the inventory's own.
/// #[derive(Serialize)]
/// struct Reserve { order: String }
///
/// impl Sendable for Reserve {
///     type Id = String;
///     const CATEGORY: &'static str = "product";
///     const NAME: &'static str = "reserve";
/// }
///
/// assert!(Commands::elsewhere::<Reserve>().knows("product", "reserve"));
/// ```
pub trait Sendable: Serialize {
    /// The id of an aggregate that decides it.
    type Id: Display + ?Sized;

    /// The category of those aggregates.
    const CATEGORY: &'static str;

    /// Its stable name.
    const NAME: &'static str;
}

impl<C: Command + Serialize> Sendable for C {
    type Id = <C::Aggregate as Aggregate>::Id;
    const CATEGORY: &'static str = <C::Aggregate as Aggregate>::CATEGORY;
    const NAME: &'static str = <C as Command>::NAME;
}
