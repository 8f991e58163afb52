//! Putting a program together: its store, its event types, its projections.

#[cfg(feature = "outbox")]
mod inbound;
#[cfg(feature = "sagas")]
mod sagas;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use annals_core::store::{Store, StoreError, Stores};
use annals_core::{
    Aggregate, ErrorKind, Event, Journal, JournalOptions, RegisterError, SchemaError,
};
use annals_projections::{
    Definition, EngineOptions, EventHandler, Mode, Projection, ProjectionError, Projections,
    Subscriber, SubscriberDefinition,
};

use crate::Annals;
use crate::open::open_store;

type Registering<'j> = Pin<Box<dyn Future<Output = Result<(), RegisterError>> + Send + 'j>>;

/// A program that is being put together; [`start`](Self::start) ends it.
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    store: Arc<dyn Store>,
    /// Where the rows of projections are kept, if it is elsewhere.
    read_models: Option<Arc<dyn Store>>,
    journal: JournalOptions,
    runner: EngineOptions,
    events: Vec<for<'j> fn(&'j Journal) -> Registering<'j>>,
    projections: Vec<Definition>,
    subscribers: Vec<SubscriberDefinition>,
    /// What can only be made with the journal.
    late: Vec<Late>,
    /// Why it must not start, if that is known.
    #[cfg(feature = "outbox")]
    refused: Option<StoreError>,
}

/// Consumers that can only be made with the journal.
type Late = Box<dyn FnOnce(&Journal) -> Vec<SubscriberDefinition> + Send + Sync>;

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
            read_models: None,
            journal: JournalOptions::default(),
            runner: EngineOptions::default(),
            events: Vec::new(),
            projections: Vec::new(),
            subscribers: Vec::new(),
            late: Vec::new(),
            #[cfg(feature = "outbox")]
            refused: None,
        }
    }

    /// Keeps the rows of the projections in another store than the events, which a URL names: their
    /// tables, checkpoints and what is remembered of them. A projection cannot be inline then, because
    /// no transaction spans both.
    ///
    /// # Errors
    /// As [`Annals::open`].
    pub async fn read_models(self, url: &str) -> Result<Self, StoreError> {
        let store = open_store(url).await?;
        Ok(self.read_models_on(store))
    }

    /// As [`read_models`](Self::read_models), with a store that was opened elsewhere.
    pub fn read_models_on(self, store: Arc<dyn Store>) -> Self {
        Self { read_models: Some(store), ..self }
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

    /// Has effects outside of the store for events: see [`Subscriber`].
    ///
    /// ```
    /// use annals::example::*;
    /// use annals::prelude::*;
    /// use annals::{Annals, ConsumeError, Start, Subscriber, async_trait};
    ///
    /// struct Statements { mail: tokio::sync::mpsc::UnboundedSender<String> }
    ///
    /// #[async_trait]
    /// impl Subscriber for Statements {
    ///     type Event = AccountEvent;
    ///     const NAME: &'static str = "statements";
    ///
    ///     fn start(&self) -> Start {
    ///         Start::Now
    ///     }
    ///
    ///     async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
    ///         // The id tells the mail server when it has sent this one before.
    ///         let AccountEvent::Deposited { cents } = event.data;
    ///         let mail = format!("{}: {cents} cents came in", event.id);
    ///         // Nobody's deposit is to blame when there is no mail: all of them wait.
    ///         self.mail.send(mail).map_err(|error| ConsumeError::blocked("the mail server", error))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (mail, mut sent) = tokio::sync::mpsc::unbounded_channel();
    /// let annals = Annals::open("memory:").await?.subscriber(Statements { mail }).start().await?;
    /// annals.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// assert!(sent.recv().await.unwrap().ends_with("500 cents came in"));
    /// annals.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// One that is behind deals with several events of an account at once:
    ///
    /// ```
    /// use annals::example::*;
    /// use annals::prelude::*;
    /// use annals::{Annals, ConsumeError, Subscriber, async_trait};
    ///
    /// struct Sums { sums: tokio::sync::mpsc::UnboundedSender<i64> }
    ///
    /// #[async_trait]
    /// impl Subscriber for Sums {
    ///     type Event = AccountEvent;
    ///     const NAME: &'static str = "sums";
    ///     const BATCH: usize = 50;
    ///
    ///     async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
    ///         self.handle_batch(std::slice::from_ref(event)).await
    ///     }
    ///
    ///     async fn handle_batch(&self, events: &[Recorded<AccountEvent>]) -> Result<(), ConsumeError> {
    ///         let cents = |event: &Recorded<_>| match event.data {
    ///             AccountEvent::Deposited { cents } => cents,
    ///         };
    ///         let sum = events.iter().map(cents).sum();
    ///         self.sums.send(sum).map_err(ConsumeError::retry)
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = std::sync::Arc::new(annals::MemoryStore::default());
    /// let annals = Annals::on_shared(store.clone()).start().await?;
    /// for cents in [500, 20, 3] {
    ///     annals.execute(&7, |account: &Account| account.deposit(cents)).await?;
    /// }
    /// let (sums, mut summed) = tokio::sync::mpsc::unbounded_channel();
    /// let program = Annals::on_shared(store).subscriber(Sums { sums }).start().await?;
    /// assert_eq!(summed.recv().await, Some(523));
    /// program.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscriber<S: Subscriber>(mut self, subscriber: S) -> Self {
        self.subscribers.push(SubscriberDefinition::of(subscriber));
        self
    }

    /// As [`subscriber`](Self::subscriber), with a subscriber that is made with the journal of this program: for the
    /// commands that it executes. An event that comes again has its effect once when its id is their key.
    ///
    /// ```
    /// use annals::example::*;
    /// use annals::prelude::*;
    /// use annals::{Annals, ConsumeError, Journal, Subscriber, async_trait};
    ///
    /// /// Gives a cent for each deposit of account 7 to account 8.
    /// struct Gifts { journal: Journal }
    ///
    /// #[async_trait]
    /// impl Subscriber for Gifts {
    ///     type Event = AccountEvent;
    ///     const NAME: &'static str = "gifts";
    ///
    ///     async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
    ///         if event.stream.id() == "7" {
    ///             let gift = self.journal.execute(&8, |account: &Account| account.deposit(1));
    ///             gift.idempotency_key(event.id.to_string()).await.map_err(ConsumeError::retry)?;
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bank = Annals::open("memory:").await?;
    /// let bank = bank.project(Balances).subscriber_with(|journal| Gifts { journal: journal.clone() });
    /// let bank = bank.start().await?;
    /// let receipt = bank.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// # let gift = annals::Position::new(receipt.position.get() + 1);
    /// // The gift is the next event.
    /// let balances = bank.read::<Balance>().after(gift);
    /// assert_eq!(balances.get(&8).await?.map(|row| row.cents), Some(1));
    /// # bank.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscriber_with<S: Subscriber>(
        mut self,
        subscriber: impl FnOnce(&Journal) -> S + Send + Sync + 'static,
    ) -> Self {
        self.late.push(Box::new(|journal| vec![SubscriberDefinition::of(subscriber(journal))]));
        self
    }

    /// Sends events to a broker, as a [`Route`](annals_outbox::Route) says.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use annals::example::*;
    /// use annals::outbox::{Address, MemoryBroker, Route};
    /// use annals::prelude::*;
    /// use annals::Annals;
    ///
    /// /// What other services are told.
    /// #[derive(Event)]
    /// #[event(prefix = "bank.account")]
    /// enum AccountFact { MoneyCame { account: String, cents: i64 } }
    ///
    /// struct Accounts;
    ///
    /// impl Route for Accounts {
    ///     type Event = AccountEvent;
    ///     type Public = AccountFact;
    ///     const NAME: &'static str = "accounts-out";
    ///
    ///     fn source(&self) -> String {
    ///         "/bank".to_owned()
    ///     }
    ///
    ///     fn places(&self) -> Vec<Address> {
    ///         vec![Address::new("accounts")]
    ///     }
    ///
    ///     fn publish(&self, event: &Recorded<AccountEvent>) -> Vec<AccountFact> {
    ///         let AccountEvent::Deposited { cents } = event.data;
    ///         vec![AccountFact::MoneyCame { account: event.stream.id().to_owned(), cents }]
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = MemoryBroker::default();
    /// let mut came = broker.watch();
    /// let annals = Annals::open("memory:").await?.publish(Accounts, Arc::new(broker.clone())).start().await?;
    /// annals.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// came.wait_for(|came| *came == 1).await?;
    /// assert_eq!(broker.messages("accounts")[0].key, "account-7");
    /// annals.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "outbox")]
    pub fn publish<R: annals_outbox::Route>(
        self,
        route: R,
        publisher: Arc<dyn annals_outbox::Publisher>,
    ) -> Self {
        self.publish_with(route, publisher, annals_outbox::RelayOptions::default())
    }

    /// As [`publish`](Self::publish), with settings.
    #[cfg(feature = "outbox")]
    pub fn publish_with<R: annals_outbox::Route>(
        mut self,
        route: R,
        publisher: Arc<dyn annals_outbox::Publisher>,
        options: annals_outbox::RelayOptions,
    ) -> Self {
        self.subscribers.push(annals_outbox::relay(route, publisher, options));
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

    /// Settings of the engine that runs projections, handlers and subscribers.
    pub fn engine_options(mut self, options: EngineOptions) -> Self {
        self.runner = options;
        self
    }

    /// Proves that the event types fit the store's history, makes the tables of the projections
    /// and starts them.
    ///
    /// # Errors
    /// [`StartError`]: the program must not go on.
    pub async fn start(self) -> Result<Annals, StartError> {
        #[cfg(feature = "outbox")]
        if let Some(refused) = self.refused {
            return Err(ProjectionError::from(refused).into());
        }
        let stores = match self.read_models {
            Some(read_models) => Stores::apart(self.store, read_models),
            None => Stores::of(self.store),
        };
        let journal = Journal::new(stores, self.journal);
        register(&journal, &self.events, &self.projections).await?;
        for family in journal.renamed_families().await.map_err(RegisterError::from)? {
            tracing::warn!("{family}");
        }
        let late = self.late.into_iter().flat_map(|late| late(&journal));
        let subscribers = self.subscribers.into_iter().chain(late).collect();
        let projections =
            Projections::start_with(journal.clone(), self.projections, subscribers, self.runner)
                .await?;
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
