//! The way into a transaction.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{StoreError, Transaction};

/// Work for one transaction.
pub type Work = Box<dyn TransactionWork>;

/// Work to be done inside one transaction.
#[async_trait]
pub trait TransactionWork: Send {
    /// Does the work. A store may call it again from the start after a rollback of its own.
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError>;
}

/// Where effects go: all of one transaction, or nothing.
///
/// # Contract
/// - A transaction commits everything its work did, or nothing.
/// - A transaction whose process is frozen in the middle of it is ended after a time where the
///   database can do that, so that it keeps nobody waiting for ever.
#[async_trait]
pub trait Transact: Send + Sync {
    /// Runs work inside one transaction and commits it.
    ///
    /// # Errors
    /// What the work returned, [`StoreError::TransactionOver`] when it returned `Ok` although
    /// something in it had failed, or what the commit ran into; then nothing is changed, except that
    /// [`StoreError::OutcomeUnknown`] leaves it open.
    async fn transact(&self, work: Work) -> Result<(), StoreError>;

    /// The same on a connection that is kept for this, where the store has several: for signs of
    /// life, which must not wait because handlers have taken all others.
    ///
    /// # Errors
    /// As [`transact`](Self::transact).
    async fn transact_apart(&self, work: Work) -> Result<(), StoreError>;
}

type WorkFuture<'t, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 't>>;

/// Closures as work.
pub trait TransactExt: Transact {
    /// Runs a closure inside one transaction and returns its result after the commit.
    ///
    /// # Errors
    /// As [`Transact::transact`].
    fn transact_with<T, F>(&self, work: F) -> impl Future<Output = Result<T, StoreError>> + Send
    where
        T: Send + 'static,
        F: for<'t> FnMut(&'t mut dyn Transaction) -> WorkFuture<'t, T> + Send + 'static,
    {
        let (work, result) = closure(work);
        async move {
            self.transact(work).await?;
            taken(&result)
        }
    }

    /// The same on the connection that is kept for signs of life.
    ///
    /// # Errors
    /// As [`Transact::transact_apart`].
    fn transact_apart_with<T, F>(
        &self,
        work: F,
    ) -> impl Future<Output = Result<T, StoreError>> + Send
    where
        T: Send + 'static,
        F: for<'t> FnMut(&'t mut dyn Transaction) -> WorkFuture<'t, T> + Send + 'static,
    {
        let (work, result) = closure(work);
        async move {
            self.transact_apart(work).await?;
            taken(&result)
        }
    }
}

impl<S: Transact + ?Sized> TransactExt for S {}

type Left<T> = Arc<Mutex<Option<T>>>;

struct Closure<T, F> {
    work: F,
    result: Left<T>,
}

fn closure<T, F>(work: F) -> (Work, Left<T>)
where
    T: Send + 'static,
    F: for<'t> FnMut(&'t mut dyn Transaction) -> WorkFuture<'t, T> + Send + 'static,
{
    let result = Arc::new(Mutex::new(None));
    (Box::new(Closure { work, result: result.clone() }), result)
}

fn taken<T>(result: &Left<T>) -> Result<T, StoreError> {
    let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
    // A store that says Ok has run the work, and the work leaves its result.
    Ok(result.take().expect("a committed transaction has run its work"))
}

#[async_trait]
impl<T, F> TransactionWork for Closure<T, F>
where
    T: Send + 'static,
    F: for<'t> FnMut(&'t mut dyn Transaction) -> WorkFuture<'t, T> + Send,
{
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        let value = (self.work)(transaction).await?;
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    }
}
