//! What somebody finds who forgot `start`: a hint in place of "no method named `execute`".
//!
//! None of these methods can be called: nothing implements [`Started`].

use std::future::{Ready, ready};

use annals_core::Aggregate;
use annals_core::store::Append;
use annals_projections::ReadModel;

use crate::builder::Builder;

/// What only a running program is. `For` keeps the compiler from looking before somebody calls.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the program has not been started: `start` is missing",
    label = "a `Builder` executes and reads nothing",
    note = "`Annals::open(url).await?.project(…).start().await?` is a running program"
)]
pub trait Started<For: ?Sized> {}

/// Why nothing came of it.
#[doc(hidden)]
#[derive(Debug, thiserror::Error)]
#[error("the program has not been started")]
pub struct NotStarted;

type Never = Ready<Result<(), NotStarted>>;

#[doc(hidden)]
impl Builder {
    pub fn execute<D>(&self, _id: impl Sized, _decision: D) -> Never
    where
        Self: Started<D>,
    {
        ready(Err(NotStarted))
    }

    pub fn load<A: Aggregate>(&self, _id: impl Sized) -> Never
    where
        Self: Started<A>,
    {
        ready(Err(NotStarted))
    }

    pub fn read<R: ReadModel>(&self) -> Never
    where
        Self: Started<R>,
    {
        ready(Err(NotStarted))
    }

    pub fn append<A: Into<Append>>(&self, _append: A) -> Never
    where
        Self: Started<A>,
    {
        ready(Err(NotStarted))
    }
}
