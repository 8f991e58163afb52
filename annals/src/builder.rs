//! Putting a program together: its store, its event types, its projections.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use annals_core::store::Store;
use annals_core::{
    Aggregate, ErrorKind, Event, Journal, JournalOptions, RegisterError, SchemaError,
};
use annals_projections::{
    Definition, EventHandler, Mode, Projection, ProjectionError, Projections, RunnerOptions,
};

use crate::Annals;

type Registering<'j> = Pin<Box<dyn Future<Output = Result<(), RegisterError>> + Send + 'j>>;

/// A program that is being put together; [`start`](Self::start) ends it.
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    store: Arc<dyn Store>,
    journal: JournalOptions,
    runner: RunnerOptions,
    events: Vec<for<'j> fn(&'j Journal) -> Registering<'j>>,
    projections: Vec<Definition>,
}

/// A program that must not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its event types do not hold together, or not with the store's history.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A projection does not fit the store.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

impl StartError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Register(error) => error.kind(),
            Self::Projection(error) => error.kind(),
        }
    }
}

impl Builder {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            journal: JournalOptions::default(),
            runner: RunnerOptions::default(),
            events: Vec::new(),
            projections: Vec::new(),
        }
    }

    /// Keeps a projection up to date by subscription, a moment behind the appends.
    pub fn project<P: Projection>(mut self, projection: P) -> Self {
        self.projections.push(Definition::projection(projection, Mode::Async));
        self
    }

    /// Keeps a projection up to date in the transaction of every append.
    pub fn project_inline<P: Projection>(mut self, projection: P) -> Self {
        self.projections.push(Definition::projection(projection, Mode::Inline));
        self
    }

    /// Runs a handler with SQL of its own, by subscription.
    pub fn handle<H: EventHandler>(mut self, handler: H) -> Self {
        self.projections.push(Definition::handler(handler, Mode::Async));
        self
    }

    /// Runs a handler with SQL of its own, in the transaction of every append.
    pub fn handle_inline<H: EventHandler>(mut self, handler: H) -> Self {
        self.projections.push(Definition::handler(handler, Mode::Inline));
        self
    }

    /// Checks an aggregate's events at start, and not only when it is first used.
    pub fn aggregate<A: Aggregate>(self) -> Self {
        self.events::<A::Event>()
    }

    /// Checks events at start that belong to no aggregate of this program.
    pub fn events<E: Event>(mut self) -> Self {
        self.events.push(|journal| Box::pin(journal.register::<E>()));
        self
    }

    /// Settings of commands and their cache.
    pub fn journal_options(mut self, options: JournalOptions) -> Self {
        self.journal = options;
        self
    }

    /// Settings of the projections' runners.
    pub fn runner_options(mut self, options: RunnerOptions) -> Self {
        self.runner = options;
        self
    }

    /// Proves that the event types fit the store's history, makes the tables of the projections
    /// and starts them.
    ///
    /// # Errors
    /// [`StartError`]: the program must not go on.
    pub async fn start(self) -> Result<Annals, StartError> {
        let journal = Journal::new(self.store, self.journal);
        register(&journal, &self.events, &self.projections).await?;
        for family in journal.renamed_families().await.map_err(RegisterError::from)? {
            tracing::warn!("{family}");
        }
        let projections =
            Projections::start(journal.clone(), self.projections, self.runner).await?;
        Ok(Annals::new(journal, projections))
    }
}

/// Makes all event types known. An enum of some variants of a family is told apart from one that
/// lost a variant by the whole enum, which may come later: so what lacks names is asked again.
async fn register(
    journal: &Journal,
    events: &[for<'j> fn(&'j Journal) -> Registering<'j>],
    projections: &[Definition],
) -> Result<(), RegisterError> {
    let lacks_names = |result: &Result<(), RegisterError>| {
        matches!(result, Err(RegisterError::Schema(SchemaError::Vanished { .. })))
    };
    let (mut parts, mut projected_parts) = (Vec::new(), Vec::new());
    for register in events {
        let result = register(journal).await;
        if lacks_names(&result) { parts.push(register) } else { result? }
    }
    for projection in projections {
        let result = projection.register(journal).await;
        if lacks_names(&result) { projected_parts.push(projection) } else { result? }
    }
    for register in parts {
        register(journal).await?;
    }
    for projection in projected_parts {
        projection.register(journal).await?;
    }
    Ok(())
}
