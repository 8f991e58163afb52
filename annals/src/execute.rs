//! A command, and what a reader sees of it.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use annals_core::{Aggregate, ErrorKind, ExecuteError, Origin, Receipt, StreamVersion};
use annals_projections::{Projections, Query, ReadError, ReadModel};

/// A command that is about to be executed: set what it needs, then await it.
#[must_use = "a command has no effect until it is awaited"]
pub struct Execute<'a, D, A: Aggregate> {
    command: annals_core::Execute<'a, D, A>,
    projections: &'a Projections,
}

impl<'a, D, A: Aggregate> Execute<'a, D, A> {
    pub(crate) fn new(
        command: annals_core::Execute<'a, D, A>,
        projections: &'a Projections,
    ) -> Self {
        Self { command, projections }
    }

    /// Gives the command its effect once: the same key again, even after a restart, returns the
    /// first receipt.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.command = self.command.idempotency_key(key);
        self
    }

    /// Says what the command is made of, so that its idempotency key with anything else is noticed.
    /// See [`annals_core::Execute::fingerprint`].
    pub fn fingerprint(mut self, content: impl AsRef<[u8]>) -> Self {
        self.command = self.command.fingerprint(content);
        self
    }

    /// Remembers a refusal as well: the same key is refused again, even after a crash. See
    /// [`annals_core::Execute::remember_refusal`].
    pub fn remember_refusal(mut self) -> Self {
        self.command = self.command.remember_refusal();
        self
    }

    /// Carries where the command comes from into the events.
    pub fn origin(mut self, origin: Origin) -> Self {
        self.command = self.command.origin(origin);
        self
    }

    /// Decides only if the stream is exactly at this version.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// use annals::{ExecuteError, StreamVersion};
    ///
    /// let deposit = |account: &Account| account.deposit(500);
    /// annals.execute(&7, deposit).at(StreamVersion::NONE).await?;
    /// let late = annals.execute(&7, deposit).at(StreamVersion::NONE).await;
    /// assert!(matches!(late, Err(ExecuteError::Conflict { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn at(mut self, version: StreamVersion) -> Self {
        self.command = self.command.at(version);
        self
    }

    /// Decides and checks, but writes nothing.
    ///
    /// ```
    /// # use annals::example::*;
    /// # use annals::Annals;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    /// let deposit = |account: &Account| account.deposit(500);
    /// let would = annals.execute(&7, deposit).dry_run().await?;
    /// assert_eq!(would.events, [AccountEvent::Deposited { cents: 500 }]);
    /// assert_eq!(annals.load::<Account>(&7).await?.state.cents, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn dry_run(mut self) -> Self {
        self.command = self.command.dry_run();
        self
    }

    /// Then reads the row with this key, once its read model shows the command's effects.
    pub fn then_read<R: ReadModel>(self, key: R::Key) -> ThenRead<'a, D, A, R> {
        ThenRead { command: self.command, query: self.projections.read(), key }
    }
}

impl<'a, D: 'a, A: Aggregate> IntoFuture for Execute<'a, D, A> {
    type Output = Result<Receipt<A::Event>, ExecuteError<A::Error>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        self.command.into_future()
    }
}

/// A command and a read after it.
#[must_use = "a command has no effect until it is awaited"]
pub struct ThenRead<'a, D, A: Aggregate, R: ReadModel> {
    command: annals_core::Execute<'a, D, A>,
    query: Query<R>,
    key: R::Key,
}

impl<D, A: Aggregate, R: ReadModel> ThenRead<'_, D, A, R> {
    /// How long the read waits for its read model at the most. Default 5 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.query = self.query.timeout(timeout);
        self
    }
}

/// A command that failed, or one that succeeded and whose effects could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ThenReadError<Ev: std::fmt::Debug, E: std::error::Error + 'static> {
    /// The command failed.
    #[error(transparent)]
    Execute(ExecuteError<E>),
    /// The command was executed; only the read failed. Do not execute it again.
    #[error("the command was executed up to position {}, but its effects could not be read: {source}", receipt.position)]
    Read {
        /// What the command did.
        receipt: Receipt<Ev>,
        /// Why the read failed.
        source: ReadError,
    },
}

impl<Ev: std::fmt::Debug, E: std::error::Error + 'static> ThenReadError<Ev, E> {
    /// What kind of error it is. That of a read says nothing of the command: it was executed.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Execute(error) => error.kind(),
            Self::Read { source, .. } => source.kind(),
        }
    }
}

type ThenReadResult<A, R> = Result<
    (Receipt<<A as Aggregate>::Event>, Option<R>),
    ThenReadError<<A as Aggregate>::Event, <A as Aggregate>::Error>,
>;

impl<'a, D, A, R> IntoFuture for ThenRead<'a, D, A, R>
where
    D: Send + 'a,
    A: Aggregate<Event: std::fmt::Debug>,
    R: ReadModel,
{
    type Output = ThenReadResult<A, R>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let receipt = self.command.await.map_err(ThenReadError::Execute)?;
            match self.query.after(receipt.position).get(&self.key).await {
                Ok(row) => Ok((receipt, row)),
                Err(source) => Err(ThenReadError::Read { receipt, source }),
            }
        })
    }
}
