//! Anything that can be executed: a function of the state, or a command.

use super::{Aggregate, Command, Decide, DecisionContext};
use crate::event::Event;
use crate::fingerprint::Fingerprint;

/// Something that an aggregate's state decides: `|account: &Account| account.withdraw(500)`, the
/// same with a second parameter `&DecisionContext`, or a type with [`Decide`].
///
/// `M` only tells these three apart; it is always inferred.
///
/// What it returns is looked at apart, as [`IntoDecision`], so that each mistake has words of its own:
/// a function that passes a decision on asks for
/// `D: Decision<M, Aggregate = A, Returns: IntoDecision<A>>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be executed",
    label = "neither a function of an aggregate's state nor a command",
    note = "a function names its parameter's type, `|account: &Account| …`, with `&`: it reads the \
            state, and events change it; a second parameter is `&DecisionContext`",
    note = "a command has `#[derive(Command)]` and its aggregate `impl Decide<…>`"
)]
pub trait Decision<M>: Send {
    /// The aggregate whose state decides.
    type Aggregate: Aggregate;

    /// What the decision is given as.
    type Returns;

    /// Decides. It may be called again, with a newer state, after a conflict.
    fn decide(&self, state: &Self::Aggregate, context: &DecisionContext) -> Self::Returns;

    /// What tells it from another decision under the same idempotency key; a function says nothing
    /// of itself.
    fn fingerprint(&self) -> Option<Fingerprint>;
}

/// What a decision comes to.
pub type Outcome<A> = Result<Vec<<A as Aggregate>::Event>, <A as Aggregate>::Error>;

/// Marks a function of the state.
#[derive(Debug)]
pub struct ByFunction<A, R>(std::marker::PhantomData<fn(A) -> R>);

/// Marks a function of the state and the context.
#[derive(Debug)]
pub struct ByFunctionWithContext<A, R>(std::marker::PhantomData<fn(A) -> R>);

/// Marks a command.
#[derive(Debug)]
pub struct ByCommand;

/// Marks a reference to a command, which can be executed again.
#[derive(Debug)]
pub struct ByCommandReference;

impl<F, A, R> Decision<ByFunction<A, R>> for F
where
    F: Fn(&A) -> R + Send,
    A: Aggregate,
{
    type Aggregate = A;
    type Returns = R;

    fn decide(&self, state: &A, _: &DecisionContext) -> R {
        self(state)
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        None
    }
}

impl<F, A, R> Decision<ByFunctionWithContext<A, R>> for F
where
    F: Fn(&A, &DecisionContext) -> R + Send,
    A: Aggregate,
{
    type Aggregate = A;
    type Returns = R;

    fn decide(&self, state: &A, context: &DecisionContext) -> R {
        self(state, context)
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        None
    }
}

impl<C: Command> Decision<ByCommand> for C {
    type Aggregate = C::Aggregate;
    type Returns = Outcome<C::Aggregate>;

    fn decide(&self, state: &C::Aggregate, context: &DecisionContext) -> Outcome<C::Aggregate> {
        Decide::<C>::decide(state, self, context)
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        Some(Command::fingerprint(self))
    }
}

impl<C: Command> Decision<ByCommandReference> for &C {
    type Aggregate = C::Aggregate;
    type Returns = Outcome<C::Aggregate>;

    fn decide(&self, state: &C::Aggregate, context: &DecisionContext) -> Outcome<C::Aggregate> {
        Decide::<C>::decide(state, self, context)
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        Some(Command::fingerprint(*self))
    }
}

/// What a deciding function may return: `Result` of one event, several, or none.
#[diagnostic::on_unimplemented(
    message = "a decision on `{A}` returns a `Result`, and not `{Self}`",
    label = "return `Ok(event)`, or `Err` of the aggregate's error",
    note = "`Ok` of an event, a `Vec`, an array or an `Option` of events; `Ok([])` when nothing happens",
    note = "a decision is not `async`: it may be made again on a newer state; await what it needs before"
)]
pub trait IntoDecision<A: Aggregate> {
    /// The decision.
    ///
    /// # Errors
    /// The domain's own reasons.
    fn into_decision(self) -> Outcome<A>;
}

impl<A, O, E> IntoDecision<A> for Result<O, E>
where
    A: Aggregate<Error: RefusalOf<E>>,
    O: IntoEvents<A::Event>,
{
    fn into_decision(self) -> Outcome<A> {
        self.map(IntoEvents::into_events).map_err(RefusalOf::refusal)
    }
}

/// An aggregate's own error, which is the one that its decisions return.
#[diagnostic::on_unimplemented(
    message = "the aggregate refuses with `{Self}`, and not with `{E}`",
    note = "return the aggregate's own error: `#[aggregate(error = …)]`"
)]
pub trait RefusalOf<E> {
    /// The same.
    fn refusal(error: E) -> Self;
}

impl<E> RefusalOf<E> for E {
    fn refusal(error: E) -> Self {
        error
    }
}

/// One event, several, or none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event of the aggregate that decides",
    note = "return `{E}`, or a `Vec`, an array or an `Option` of it"
)]
pub trait IntoEvents<E> {
    /// The events, in order.
    fn into_events(self) -> Vec<E>;
}

impl<E: Event> IntoEvents<E> for E {
    fn into_events(self) -> Vec<E> {
        vec![self]
    }
}

impl<E: Event> IntoEvents<E> for Vec<E> {
    fn into_events(self) -> Vec<E> {
        self
    }
}

impl<E: Event> IntoEvents<E> for Option<E> {
    fn into_events(self) -> Vec<E> {
        self.into_iter().collect()
    }
}

impl<E: Event, const N: usize> IntoEvents<E> for [E; N] {
    fn into_events(self) -> Vec<E> {
        self.into()
    }
}
