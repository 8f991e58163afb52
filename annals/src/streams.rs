//! What a program does with streams and the log beside commands: load, look back, append, follow.

use std::sync::Arc;

use annals_core::store::{Append, Appended, EventLog, LogFilter, StoreError, Stores};
use annals_core::{
    Aggregate, Apply, HistoryPage, ImportError, JournalError, LoadError, Loaded, Position,
    StreamVersion, Subscription, UnknownEvents,
};
use jiff::Timestamp;

use crate::Annals;

impl Annals {
    /// The aggregate as it is now.
    ///
    /// # Errors
    /// [`LoadError`]
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.start().await?;
    /// annals.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// let account = annals.load::<Account>(&7).await?;
    /// assert_eq!((account.state.cents, account.version.get()), (500, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load<A: Apply>(&self, id: &A::Id) -> Result<Loaded<A>, LoadError> {
        self.journal.load(id).await
    }

    /// The aggregate as it was after its event number `version`.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn load_at_version<A: Apply>(
        &self,
        id: &A::Id,
        version: StreamVersion,
    ) -> Result<Loaded<A>, LoadError> {
        self.journal.load_at_version(id, version).await
    }

    /// The aggregate as the store knew it at a time: the events recorded up to then. See
    /// [`Journal::load_at_time`](annals_core::Journal::load_at_time).
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn load_at_time<A: Apply>(
        &self,
        id: &A::Id,
        time: Timestamp,
    ) -> Result<Loaded<A>, LoadError> {
        self.journal.load_at_time(id, time).await
    }

    /// The aggregate as it really was at a time: the events that had occurred by then, whenever they
    /// were recorded. See [`Journal::load_at_occurred`](annals_core::Journal::load_at_occurred).
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn load_at_occurred<A: Apply>(
        &self,
        id: &A::Id,
        time: Timestamp,
    ) -> Result<Loaded<A>, LoadError> {
        self.journal.load_at_occurred(id, time).await
    }

    /// A page of the aggregate's events with their envelopes, those after version `after`. Its
    /// [`next`](HistoryPage::next) leads on.
    ///
    /// # Errors
    /// [`LoadError`]; for an undeclared type only if `unknown` says so.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.start().await?;
    /// use annals::{StreamVersion, UnknownEvents};
    ///
    /// annals.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// let page = annals.history::<Account>(&7, StreamVersion::NONE, UnknownEvents::Error).await?;
    /// assert_eq!(page.events.len(), 1);
    /// assert_eq!(page.next, None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn history<A: Aggregate>(
        &self,
        id: &A::Id,
        after: StreamVersion,
        unknown: UnknownEvents,
    ) -> Result<HistoryPage<A::Event>, LoadError> {
        self.journal.history::<A>(id, after, unknown).await
    }

    /// Appends events after checking every payload, and runs the hooks of inline projections. See
    /// [`Journal::append`](annals_core::Journal::append).
    ///
    /// # Errors
    /// [`JournalError`]
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.aggregate::<Account>().start().await?;
    /// use annals::store::Append;
    /// use annals::{ExpectedVersion, NewEvent};
    ///
    /// let deposited = NewEvent::of(&AccountEvent::Deposited { cents: 500 })?;
    /// let append = Append::to("account-7".parse()?, ExpectedVersion::NoStream, vec![deposited]);
    /// annals.append(append).await?;
    /// assert_eq!(annals.load::<Account>(&7).await?.state.cents, 500);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn append(&self, append: Append) -> Result<Appended, JournalError> {
        self.journal.append(append).await
    }

    /// Appends many batches, each atomic and judged on its own, in as few commits as possible. See
    /// [`Journal::import`](annals_core::Journal::import).
    ///
    /// # Errors
    /// [`ImportError`] has the result of each batch.
    pub async fn import(&self, appends: Vec<Append>) -> Result<Vec<Appended>, ImportError> {
        self.journal.import(appends).await
    }

    /// A cursor over the log: what is there after `position`, then what comes.
    pub fn subscribe(&self, filter: LogFilter, position: Position) -> Subscription {
        self.journal.subscribe(filter, position)
    }

    /// Forgets the commands with an idempotency key that were recorded before a time, and returns
    /// how many there were. See [`Journal::forget_commands`](annals_core::Journal::forget_commands).
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; what was forgotten until then stays so.
    pub async fn forget_commands(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.journal.forget_commands(before).await
    }

    /// The log beneath. Appending to it directly skips schemas and hooks.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        self.journal.log()
    }

    /// The log beneath, and the store of the read models.
    pub fn stores(&self) -> &Stores {
        self.journal.stores()
    }
}
