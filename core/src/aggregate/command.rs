//! Commands that must travel: over HTTP, from a saga, through a broker.

use super::{Aggregate, Apply, DecisionContext};
use crate::fingerprint::Fingerprint;

/// A command as a type of its own. Derived by `#[derive(Command)]`.
pub trait Command: Send + Sync {
    /// The aggregate that decides it.
    type Aggregate: Decide<Self>;

    /// A stable name for messages and traces.
    const NAME: &'static str;

    /// What tells this command from any other that comes with the same idempotency key. The derive
    /// makes it of the name and the content, if the command is `Serialize`, else of the name
    /// alone. A command that holds a `HashSet` writes it in another order each time: use a
    /// `BTreeSet`.
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(Self::NAME)
    }

    /// Its JSON Schema, draft 2020-12, for those who send it from elsewhere. The derive knows it of commands
    /// that are `JsonSchema`.
    fn schema() -> Option<serde_json::Value>
    where
        Self: Sized,
    {
        None
    }
}

/// How an aggregate decides a command.
///
/// ```
/// use annals_core::{Command, Decide, DecisionContext};
/// # use annals_core::{Aggregate, Apply, Event};
/// # #[derive(Event)]
/// # #[event(prefix = "account", crate = annals_core)]
/// # enum AccountEvent { Withdrawn { cents: i64 } }
/// # #[derive(Aggregate, Default)]
/// # #[aggregate(category = "account", id = String, event = AccountEvent,
/// #             error = Overdrawn, crate = annals_core)]
/// # struct Account { cents: i64 }
/// # impl Apply for Account { fn apply(&mut self, _: &AccountEvent) {} }
/// # #[derive(Debug)]
/// # struct Overdrawn;
/// # impl std::fmt::Display for Overdrawn {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("overdrawn") }
/// # }
/// # impl std::error::Error for Overdrawn {}
/// #[derive(Command)]
/// #[command(aggregate = Account, crate = annals_core)]
/// struct Withdraw { cents: i64 }
///
/// impl Decide<Withdraw> for Account {
///     fn decide(&self, command: &Withdraw, _: &DecisionContext) -> Result<Vec<AccountEvent>, Overdrawn> {
///         if command.cents > self.cents { return Err(Overdrawn) }
///         Ok(vec![AccountEvent::Withdrawn { cents: command.cents }])
///     }
/// }
/// assert_eq!(Withdraw::NAME, "withdraw");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not decide `{C}`",
    note = "write `impl Decide<{C}> for {Self}`"
)]
pub trait Decide<C: ?Sized>: Apply {
    /// Decides: the events that follow, or why not. Pure: time and ids come from the context.
    ///
    /// # Errors
    /// The domain's own reasons.
    fn decide(
        &self,
        command: &C,
        context: &DecisionContext,
    ) -> Result<Vec<Self::Event>, <Self as Aggregate>::Error>;
}
