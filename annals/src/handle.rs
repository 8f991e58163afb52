//! The one handle of a program.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use annals_core::store::{Store, StoreError};
use annals_core::{Aggregate, Apply, Decision, IntoDecision, Journal, Position};
use annals_projections::{
    Live, Orphan, Projection, ProjectionError, Projections, Query, ReadModel, RebuildError,
    RebuildHandle, RebuildPlan, Status, WaitError, ops,
};

use crate::builder::Builder;
use crate::execute::Execute;
use crate::open::open_store;

/// A running program: commands in, read models out. Cloning is cheap.
///
/// When the last clone is dropped, the projections and rebuilds stop by themselves;
/// [`shutdown`](Self::shutdown) waits for that.
#[derive(Clone)]
pub struct Annals {
    pub(crate) journal: Journal,
    projections: Arc<Projections>,
}

impl Annals {
    /// Opens the store a URL names: `memory:` or `sqlite://path`.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with the URL or the store.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// annals.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// annals.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open(url: &str) -> Result<Builder, StoreError> {
        Ok(Builder::new(open_store(url).await?))
    }

    /// Uses a store that was opened elsewhere, with options of one's own.
    pub fn on(store: impl Store + 'static) -> Builder {
        Builder::new(Arc::new(store))
    }

    /// Uses a store that is shared already.
    pub fn on_shared(store: Arc<dyn Store>) -> Builder {
        Builder::new(store)
    }

    pub(crate) fn new(journal: Journal, projections: Projections) -> Self {
        Self { journal, projections: Arc::new(projections) }
    }

    /// The journal beneath, for what a program rarely needs: schemas, hooks, registering events late.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Executes a function of the aggregate's state, or a command. See
    /// [`Journal::execute`]; [`then_read`](Execute::then_read) reads what came of it.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// let deposit = |account: &Account| account.deposit(500);
    /// let receipt = annals.execute(&7, deposit).idempotency_key("payment 12").await?;
    /// assert_eq!(receipt.version.get(), 1);
    /// // The same command again, even after a restart, returns the first receipt.
    /// let again = annals.execute(&7, deposit).idempotency_key("payment 12").await?;
    /// assert!(again.repeated);
    /// assert_eq!(again.position, receipt.position);
    /// # Ok(())
    /// # }
    /// ```
    pub fn execute<'a, D, M>(
        &'a self,
        id: &<D::Aggregate as Aggregate>::Id,
        decision: D,
    ) -> Execute<'a, D, D::Aggregate>
    where
        D: Decision<M, Aggregate: Apply, Returns: IntoDecision<D::Aggregate>> + 'a,
        M: 'a,
    {
        Execute::new(self.journal.execute(id, decision), &self.projections)
    }

    /// A query on a read model: `.get(&key)`, or `.filter(…).order_by(…).page(…).list()`.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// let receipt = annals.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// let balance = annals.read::<Balance>().after(receipt.position).get(&7).await?;
    /// assert_eq!(balance.unwrap().cents, 500);
    /// let rich = annals.read::<Balance>()
    ///     .filter(Balance::CENTS.at_least(100))
    ///     .order_by(Balance::CENTS.descending())
    ///     .page(0, 20)
    ///     .list()
    ///     .await?;
    /// assert_eq!(rich.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn read<M: ReadModel>(&self) -> Query<M> {
        self.projections.read()
    }

    /// A projection folded on demand, with nothing stored.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.start().await?;
    /// annals.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// let rows = annals.live(Balances).all().await?;
    /// assert_eq!(rows[&7].cents, 500);
    /// # Ok(())
    /// # }
    /// ```
    pub fn live<P: Projection>(&self, projection: P) -> Live<P> {
        self.projections.live(projection)
    }

    /// Rebuilds a projection from history, beside the tables that serve, and switches. Await the
    /// handle for the end, or watch its progress.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// annals.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// let mut rebuild = annals.rebuild::<Balances>();
    /// while let Some(progress) = rebuild.next_progress().await {
    ///     println!("{} %, {:.0} events/s", progress.percent(), progress.events_per_second);
    /// }
    /// assert!(rebuild.await?.done);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rebuild<P: Projection>(&self) -> RebuildHandle {
        self.projections.rebuild(P::NAME)
    }

    /// Rebuilds a projection or handler by its name.
    pub fn rebuild_named(&self, projection: &str) -> RebuildHandle {
        self.projections.rebuild(projection)
    }

    /// Says what a rebuild would do, and does nothing: how many events it looks at and takes in, about how
    /// long that takes, and whether every event can be taken in. It reads all of history and folds it
    /// into nothing, with the rows in memory, up to a million of them.
    ///
    /// # Errors
    /// What a rebuild would be refused for.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// annals.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// let plan = annals.rebuild_dry_run::<Balances>().await?;
    /// assert!(plan.fits());
    /// assert_eq!((plan.looked_at, plan.taken_in, plan.rows), (1, 1, Some(1)));
    /// println!("{plan}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn rebuild_dry_run<P: Projection>(&self) -> Result<RebuildPlan, RebuildError> {
        self.projections.rebuild_dry_run(P::NAME).await
    }

    /// The same of a projection or handler by its name.
    ///
    /// # Errors
    /// As [`rebuild_dry_run`](Self::rebuild_dry_run).
    pub async fn rebuild_dry_run_named(
        &self,
        projection: &str,
    ) -> Result<RebuildPlan, RebuildError> {
        self.projections.rebuild_dry_run(projection).await
    }

    /// Makes the row of one id anew from the events of its streams, while writers and readers go on: for a
    /// row that was changed past the projection. Whoever works on the id's partition does it, in this
    /// process or another. Dropping the future leaves the request.
    ///
    /// # Errors
    /// [`RebuildError::Refused`] with the way out unless the projection is `Partitions::ById`: events of
    /// other streams may touch the row otherwise.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::{Annals, RebuildError};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// match annals.rebuild_key::<Balances>(7).await {
    ///     Ok(()) => println!("the balance of account 7 is what its events say"),
    ///     Err(RebuildError::Refused { why, .. }) => println!("{why}"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn rebuild_key<P: Projection>(
        &self,
        id: impl fmt::Display,
    ) -> Result<(), RebuildError> {
        self.projections.rebuild_key(P::NAME, &id.to_string()).await
    }

    /// Waits until every projection of this program has taken in everything up to a position.
    ///
    /// # Errors
    /// [`WaitError`] names the one that did not get there in time.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// use std::time::Duration;
    ///
    /// let receipt = annals.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// annals.wait_for(receipt.position, Duration::from_secs(5)).await?;
    /// assert_eq!(annals.read::<Balance>().count().await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for(&self, position: Position, timeout: Duration) -> Result<(), WaitError> {
        self.projections.wait_for(position, timeout).await
    }

    /// How each projection is doing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// for projection in annals.status().await? {
    ///     println!("{} is {} events behind", projection.name, projection.lag_events);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn status(&self) -> Result<Vec<Status>, StoreError> {
        self.projections.status().await
    }

    /// Whether everything that follows the log on these stores does so, in whatever process: for a health
    /// check, which reads it as data. [`ops`](crate::ops) tells and steers more.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// let health = annals.health().await;
    /// assert!(health.live);
    /// for (consumer, trouble) in &health.trouble {
    ///     println!("{consumer}: {}", trouble.join("; "));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn health(&self) -> ops::Health {
        ops::health(&**self.journal.stores().work()).await
    }

    /// Stops the projections after writing what they have folded, and rebuilds where they are. The
    /// store stays open. It takes at most [`EngineOptions::stop_within`](crate::EngineOptions), 10 s
    /// unless told otherwise: what is still writing then is broken off, and the names of those
    /// projections are returned. Their last transaction is undone; nothing is lost.
    pub async fn shutdown(&self) -> Vec<Arc<str>> {
        self.projections.stop().await
    }

    /// The projections that the store knows and this program does not run: those that were taken out
    /// of it, and those of other programs on the same store.
    ///
    /// # Errors
    /// [`ProjectionError`] when the store cannot be read.
    pub async fn orphans(&self) -> Result<Vec<Orphan>, ProjectionError> {
        self.projections.orphans().await
    }

    /// Drops the tables of a projection that no program runs any more, and frees their names.
    ///
    /// # Errors
    /// [`ProjectionError::InUse`] when this program runs it, or what the store says.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::{Annals, MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = MemoryStore::default();
    /// # Annals::on(store.clone()).project(Balances).start().await?.shutdown().await;
    /// // A version of the program in which the balances are no longer kept.
    /// let annals = Annals::on(store).start().await?;
    /// for orphan in annals.orphans().await? {
    ///     println!("{} still has {:?}", orphan.projection, orphan.tables);
    ///     annals.drop_orphan(&orphan.projection).await?;
    /// }
    /// # assert!(annals.orphans().await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn drop_orphan(&self, projection: &str) -> Result<(), ProjectionError> {
        self.projections.drop_orphan(projection).await
    }
}

impl fmt::Debug for Annals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Annals").field("projections", &self.projections).finish_non_exhaustive()
    }
}
