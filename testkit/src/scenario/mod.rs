//! Given these events, when this is decided, then those events follow.

mod report;

use std::fmt::Debug;
use std::sync::Arc;

use annals_core::{
    Aggregate, Apply, Decision, DecisionContext, Event, IntoDecision, NewEvent, Outcome,
    SchemaRegistry,
};
use jiff::Timestamp;

use crate::SequentialIds;
use report::Report;

/// The history that a decision is made on.
///
/// Events pass through their stored form on the way in and on the way out, schema included: a
/// field that does not survive the way through JSON is noticed here.
///
/// ```
/// use annals_core::{Aggregate, Apply, Event};
/// use annals_testkit::Scenario;
///
/// #[derive(Event, Debug, PartialEq)]
/// #[event(prefix = "account", crate = annals_core)]
/// enum AccountEvent { Deposited { cents: i64 } }
///
/// #[derive(Aggregate, Default)]
/// #[aggregate(category = "account", id = String, event = AccountEvent,
///             error = std::fmt::Error, crate = annals_core)]
/// struct Account { cents: i64 }
///
/// impl Apply for Account {
///     fn apply(&mut self, event: &AccountEvent) {
///         let AccountEvent::Deposited { cents } = event;
///         self.cents += cents;
///     }
/// }
///
/// impl Account {
///     fn double(&self) -> Result<AccountEvent, std::fmt::Error> {
///         Ok(AccountEvent::Deposited { cents: self.cents })
///     }
/// }
///
/// Scenario::<Account>::given([AccountEvent::Deposited { cents: 500 }])
///     .when(|account: &Account| account.double())
///     .then([AccountEvent::Deposited { cents: 500 }]);
/// ```
#[must_use = "a scenario tests nothing without `when` and `then`"]
pub struct Scenario<A: Aggregate> {
    given: Vec<A::Event>,
    now: Timestamp,
}

/// What a decision came to; say what was expected of it.
#[must_use = "a scenario tests nothing without `then`"]
pub struct Decided<A: Aggregate> {
    given: Vec<A::Event>,
    outcome: Outcome<A>,
}

impl<A: Apply> Scenario<A>
where
    A::Event: Debug + PartialEq,
{
    /// A history, oldest first; `[]` for an aggregate that does not exist yet.
    #[track_caller]
    pub fn given(events: impl IntoIterator<Item = A::Event>) -> Self {
        let given = events.into_iter().inspect(check_codec).collect();
        Self { given, now: Timestamp::UNIX_EPOCH }
    }

    /// The time of the decision. Unless told otherwise, it is 1970.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Folds the history and lets the state decide. New ids are 1, 2, 3, …
    pub fn when<D, M>(self, decision: D) -> Decided<A>
    where
        D: Decision<M, Aggregate = A, Returns: IntoDecision<A>>,
    {
        let mut state = A::default();
        for event in &self.given {
            state.apply(event);
        }
        let context = DecisionContext::new(self.now, Arc::new(SequentialIds::default()));
        Decided { given: self.given, outcome: decision.decide(&state, &context).into_decision() }
    }
}

impl<A: Apply> Decided<A>
where
    A::Event: Debug + PartialEq,
{
    /// Exactly these events follow, in this order.
    ///
    /// # Panics
    /// With the history and a diff, when others or none follow.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        let expected: Vec<_> = expected.into_iter().collect();
        match &self.outcome {
            Ok(actual) if *actual == expected => actual.iter().for_each(check_codec),
            Ok(actual) => panic!("{}", self.report().events(&expected, actual)),
            Err(error) => panic!("{}", self.report().refused(&expected, error)),
        }
    }

    /// Nothing follows, and that is no refusal.
    ///
    /// # Panics
    /// With the history, when an event follows or the aggregate refuses.
    #[track_caller]
    pub fn then_nothing(self) {
        self.then([]);
    }

    /// The aggregate refuses with exactly this error.
    ///
    /// # Panics
    /// With the history, when it decides, or refuses for another reason.
    #[track_caller]
    pub fn then_error(self, expected: A::Error)
    where
        A::Error: PartialEq,
    {
        match &self.outcome {
            Err(actual) if *actual == expected => {}
            Err(actual) => panic!("{}", self.report().errors(&expected, actual)),
            Ok(events) => panic!("{}", self.report().not_refused(&expected, events)),
        }
    }

    /// The aggregate refuses with an error of this kind: for errors that cannot be compared.
    ///
    /// # Panics
    /// With the history, when it decides, or `matches` says no to its error.
    #[track_caller]
    pub fn then_error_matching(self, matches: impl FnOnce(&A::Error) -> bool) {
        const WANTED: &str = "an error that matches";
        match &self.outcome {
            Err(actual) if matches(actual) => {}
            Err(actual) => panic!("{}", self.report().errors(&format_args!("{WANTED}"), actual)),
            Ok(events) => {
                panic!("{}", self.report().not_refused(&format_args!("{WANTED}"), events))
            }
        }
    }

    fn report(&self) -> Report<'_, A::Event> {
        Report { given: &self.given }
    }
}

/// Sends an event through its stored form and its schema.
#[track_caller]
pub(crate) fn check_codec<E: Event + Debug + PartialEq>(event: &E) {
    let schemas = SchemaRegistry::default();
    if let Err(error) = schemas.register::<E>() {
        panic!("the event types do not hold together: {error}");
    }
    let stored = match NewEvent::of(event) {
        Ok(stored) => stored,
        Err(error) => panic!("{event:?} cannot be stored: {error}"),
    };
    if let Err(error) = schemas.check(&stored) {
        panic!("{event:?} cannot be stored: {error}");
    }
    let text = stored.payload.as_str();
    match E::decode(stored.event_type.as_str(), stored.schema_version, text) {
        Ok(read) if read == *event => {}
        Ok(read) => {
            panic!("an event changes on its way through {text}\n- {event:?}\n+ {read:?}");
        }
        Err(error) => panic!("{event:?} cannot be read back from {text}: {error}"),
    }
}
