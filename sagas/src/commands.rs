//! The commands that a saga may send, known by name, so that they can be executed by a program that finds them
//! in the log.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use annals_consumers::ConsumeError;
use annals_core::store::{CommandOutcome, StoreError};
use annals_core::{Aggregate, Apply, Command, ErrorKind, ExecuteError, Journal, Origin};
use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::decision::Errand;
use crate::event::Reply;
use crate::sendable::Sendable;

/// The commands that a saga may send.
///
/// ```
/// # use annals_core::*;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Event)]
/// # #[event(name = "stock.reserved", crate = annals_core)]
/// # struct Reserved;
/// # #[derive(Aggregate, Default)]
/// # #[aggregate(category = "stock", id = String, event = Reserved, error = std::fmt::Error, crate = annals_core)]
/// # struct Stock;
/// # impl Apply for Stock { fn apply(&mut self, _: &Reserved) {} }
/// #[derive(Command, Serialize, Deserialize, schemars::JsonSchema)]
/// #[command(aggregate = Stock, crate = annals_core)]
/// struct Reserve { quantity: u32 }
/// # impl Decide<Reserve> for Stock {
/// #     fn decide(&self, _: &Reserve, _: &DecisionContext) -> Result<Vec<Reserved>, std::fmt::Error> { Ok(vec![Reserved]) }
/// # }
///
/// use annals_sagas::Commands;
///
/// let commands = Commands::of::<Reserve>();
/// assert!(commands.knows("stock", "reserve"));
/// let (_, _, schema) = commands.schemas().next().expect("there is one");
/// assert_eq!(schema.expect("it is `JsonSchema`")["required"][0], "quantity");
/// ```
#[derive(Clone, Default)]
pub struct Commands {
    by_name: BTreeMap<(&'static str, &'static str), Place>,
}

impl Commands {
    /// One command.
    pub fn of<C: Travels>() -> Self {
        Self::default().and::<C>()
    }

    /// The same and another one.
    #[must_use]
    pub fn and<C: Travels>(mut self) -> Self {
        let name = (<C as Sendable>::CATEGORY, <C as Sendable>::NAME);
        self.by_name.insert(name, Place::Here(Arc::new(Executing::<C>(PhantomData))));
        self
    }

    /// One command that another service executes.
    pub fn elsewhere<C: Sendable>() -> Self {
        Self::default().and_elsewhere::<C>()
    }

    /// The same and another one that another service executes: a [route](crate::CommandEvent) takes it there.
    #[must_use]
    pub fn and_elsewhere<C: Sendable>(mut self) -> Self {
        self.by_name.insert((C::CATEGORY, C::NAME), Place::Elsewhere);
        self
    }

    /// Whether another service executes a command of an aggregate's category.
    pub fn is_elsewhere(&self, category: &str, command: &str) -> bool {
        matches!(self.by_name.get(&(category, command)), Some(Place::Elsewhere))
    }

    /// Whether a command of an aggregate's category is among them.
    pub fn knows(&self, category: &str, command: &str) -> bool {
        self.by_name.contains_key(&(category, command))
    }

    /// The commands that are executed here: the category of the aggregate, the name, and the JSON Schema of
    /// those that are `JsonSchema`.
    pub fn schemas(&self) -> impl Iterator<Item = (&'static str, &'static str, Option<Value>)> {
        self.by_name.iter().filter_map(|((category, command), place)| match place {
            Place::Here(executes) => Some((*category, *command, executes.schema())),
            Place::Elsewhere => None,
        })
    }

    /// Executes a command; an id makes sure that it happens once.
    ///
    /// # Errors
    /// [`ConsumeError`]: what became of it is not known yet, and it is to be tried again; or it can never be
    /// executed.
    pub(crate) async fn execute(
        &self,
        journal: &Journal,
        errand: &Errand,
        once: Once,
    ) -> Result<Reply, ConsumeError> {
        let Errand { command, category, .. } = errand;
        match self.by_name.get(&(category.as_str(), command.as_str())) {
            Some(Place::Here(executes)) => executes.execute(journal, errand, once).await,
            Some(Place::Elsewhere) | None => Err(ConsumeError::poison(format!(
                "this program cannot execute `{command}` of `{category}`: add it to the saga's `commands`"
            ))),
        }
    }
}

/// Who executes a command.
#[derive(Clone)]
enum Place {
    Here(Arc<dyn Executes>),
    Elsewhere,
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

/// A command that can be written, and read again.
pub trait Travels: Command<Aggregate: Apply> + Serialize + DeserializeOwned + 'static {}

impl<C: Command<Aggregate: Apply> + Serialize + DeserializeOwned + 'static> Travels for C {}

/// What a command is executed by once.
pub(crate) struct Once {
    pub(crate) key: String,
    pub(crate) origin: Origin,
}

#[async_trait]
trait Executes: Send + Sync {
    async fn execute(
        &self,
        journal: &Journal,
        errand: &Errand,
        once: Once,
    ) -> Result<Reply, ConsumeError>;

    fn schema(&self) -> Option<Value>;
}

struct Executing<C>(PhantomData<fn(C)>);

#[async_trait]
impl<C: Travels> Executes for Executing<C> {
    async fn execute(
        &self,
        journal: &Journal,
        errand: &Errand,
        once: Once,
    ) -> Result<Reply, ConsumeError> {
        let id: <C::Aggregate as Aggregate>::Id = errand.id.parse().map_err(|error| {
            let Errand { category, id, .. } = errand;
            ConsumeError::poison(format!("`{id}` is no id of `{category}`: {error}"))
        })?;
        let command: C = serde_json::from_value(errand.body.clone()).map_err(|error| {
            ConsumeError::poison(format!("`{}` cannot be read any more: {error}", errand.command))
        })?;
        let executed = journal
            .execute(&id, command)
            .idempotency_key(once.key)
            .remember_refusal()
            .origin(once.origin)
            .await;
        match executed {
            Ok(_) => Ok(Reply::Done),
            // In the words that are remembered: told again, it is told in these.
            Err(ExecuteError::Domain(refusal)) => {
                let remembered = CommandOutcome::refused(&refusal);
                Ok(Reply::Refused { reason: remembered.refusal().unwrap_or_default().to_owned() })
            }
            Err(ExecuteError::Store(StoreError::RefusedBefore { refusal, .. })) => {
                Ok(Reply::Refused { reason: refusal })
            }
            Err(error) => Err(undecided(error)),
        }
    }

    fn schema(&self) -> Option<Value> {
        C::schema()
    }
}

/// What became of the command is not known: it may be tried again, because it happens once.
fn undecided<E: std::error::Error + Send + Sync + 'static>(error: ExecuteError<E>) -> ConsumeError {
    match error.kind() {
        ErrorKind::Transient | ErrorKind::OutcomeUnknown => {
            ConsumeError::blocked("the store", error)
        }
        ErrorKind::Conflict => ConsumeError::blocked("others who write to the same stream", error),
        _ => ConsumeError::retry(error),
    }
}
