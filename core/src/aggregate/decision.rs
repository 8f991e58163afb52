//! Anything that can be executed: a function of the state, or a command.

use super::{Aggregate, Apply, Command, Decide, DecisionContext};
use crate::event::Event;
use crate::fingerprint::Fingerprint;

/// Something that an aggregate's state decides: `|account: &Account| account.withdraw(500)`, the
/// same with a second parameter `&DecisionContext`, or a type with [`Decide`].
///
/// `M` only tells these three apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be executed",
    note = "a closure names its parameter's type, `|account: &Account| …`, and returns \
            `Result<events, the aggregate's error>`",
    note = "a command has `#[derive(Command)]` and its aggregate `impl Decide<{Self}>`"
)]
pub trait Decision<M>: Send {
    /// The aggregate whose state decides.
    type Aggregate: Apply;

    /// Decides. It may be called again, with a newer state, after a conflict.
    ///
    /// # Errors
    /// The domain's own reasons.
    fn decide(
        &self,
        state: &Self::Aggregate,
        context: &DecisionContext,
    ) -> Outcome<Self::Aggregate>;

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
    A: Apply,
    R: IntoDecision<A>,
{
    type Aggregate = A;

    fn decide(&self, state: &A, _: &DecisionContext) -> Outcome<A> {
        self(state).into_decision()
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        None
    }
}

impl<F, A, R> Decision<ByFunctionWithContext<A, R>> for F
where
    F: Fn(&A, &DecisionContext) -> R + Send,
    A: Apply,
    R: IntoDecision<A>,
{
    type Aggregate = A;

    fn decide(&self, state: &A, context: &DecisionContext) -> Outcome<A> {
        self(state, context).into_decision()
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        None
    }
}

impl<C: Command> Decision<ByCommand> for C {
    type Aggregate = C::Aggregate;

    fn decide(&self, state: &C::Aggregate, context: &DecisionContext) -> Outcome<C::Aggregate> {
        Decide::<C>::decide(state, self, context)
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        Some(Command::fingerprint(self))
    }
}

impl<C: Command> Decision<ByCommandReference> for &C {
    type Aggregate = C::Aggregate;

    fn decide(&self, state: &C::Aggregate, context: &DecisionContext) -> Outcome<C::Aggregate> {
        Decide::<C>::decide(state, self, context)
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        Some(Command::fingerprint(*self))
    }
}

/// What a deciding function may return: `Result` of one event, several, or none.
#[diagnostic::on_unimplemented(
    message = "a decision on `{A}` cannot return `{Self}`",
    note = "return `Result<E, Error>` with the aggregate's own error, where `E` is its event, a \
            `Vec`, an array or an `Option` of it"
)]
pub trait IntoDecision<A: Aggregate> {
    /// The decision.
    fn into_decision(self) -> Outcome<A>;
}

impl<A: Aggregate, O: IntoEvents<A::Event>> IntoDecision<A> for Result<O, A::Error> {
    fn into_decision(self) -> Outcome<A> {
        self.map(IntoEvents::into_events)
    }
}

/// One event, several, or none.
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
