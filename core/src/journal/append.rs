//! Appending events outside a command: imports, and events from elsewhere.

use std::sync::PoisonError;

use tracing::Instrument;

use super::{Journal, RegisterError, observe};
use crate::error_kind::ErrorKind;
use crate::schema::{SchemaError, Unbound};
use crate::store::{Append, Appended, StoreError};

/// An append that was refused.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A payload does not fit its schema, or its type is not registered. Nothing was written.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An import that was not written as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A payload does not fit its schema, or its type is not registered. Nothing was written.
    #[error("batch {batch} of the import, counted from 0, and with it all: {source}")]
    Schema {
        /// Which batch, counted from 0.
        batch: usize,
        /// What does not fit.
        source: SchemaError,
    },
    /// The schemas could not be made binding. Nothing was written.
    #[error("nothing of the import was written: {0}")]
    Register(#[from] RegisterError),
    /// Some batches failed. All others are written, those before them and those after.
    #[error("{}", told(results))]
    Batches {
        /// What became of each batch, in their order.
        results: Vec<Result<Appended, StoreError>>,
    },
}

/// How many failed, and how the first did.
fn told(results: &[Result<Appended, StoreError>]) -> String {
    let mut failed =
        results.iter().enumerate().filter_map(|(n, result)| Some((n, result.as_ref().err()?)));
    let Some((first, error)) = failed.next() else { return "no batch failed".to_owned() };
    format!(
        "{} of {} batches of the import failed, all others are written; the first that failed is \
         batch {first}, counted from 0: {error}",
        failed.count() + 1,
        results.len()
    )
}

impl ImportError {
    /// How the first batch failed that the store was asked to write.
    pub fn first_failure(&self) -> Option<&StoreError> {
        match self {
            Self::Schema { .. } | Self::Register(_) => None,
            Self::Batches { results } => results.iter().find_map(|result| result.as_ref().err()),
        }
    }

    /// What kind of error it is; of several batches, that of the first that failed.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Schema { source, .. } => source.kind(),
            Self::Register(error) => error.kind(),
            Self::Batches { .. } => self.first_failure().map_or(ErrorKind::Fault, StoreError::kind),
        }
    }
}

impl JournalError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Schema(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

impl From<RegisterError> for JournalError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Schema(error) => Self::Schema(error),
            RegisterError::Store(error) => Self::Store(error),
        }
    }
}

/// An append whose payloads have been checked.
pub(super) struct Prepared {
    pub(super) append: Append,
    /// What the store may not know yet: see [`Journal::bind`].
    pub(super) unbound: Vec<Unbound>,
}

impl Journal {
    /// Appends after checking every payload, and that it can be read again, and runs the hooks of
    /// inline projections.
    ///
    /// # Errors
    /// [`JournalError`]
    pub async fn append(&self, append: Append) -> Result<Appended, JournalError> {
        let append = self.make_ready(append).await?;
        let span = observe::appending(&append);
        Ok(observe::append(span, self.log().append(append)).await?)
    }

    /// Makes an append ready that is to be written inside a [transaction](crate::store::TransactionLog::append) of
    /// the caller's: checks every payload, and that it can be read again, makes the schemas binding, and attaches
    /// the hooks of inline projections.
    ///
    /// # Errors
    /// [`JournalError`]: it must not be written.
    pub async fn make_ready(&self, append: Append) -> Result<Append, JournalError> {
        let Prepared { append, unbound } = self.prepare(append)?;
        self.check_readable(&append)?;
        self.bind(unbound).await?;
        Ok(append)
    }

    /// Appends many batches, each atomic and judged on its own, in as few commits as possible.
    /// For imports: give ids and `occurred_at` with the events, so that a second run of the same
    /// import changes nothing. Payloads are checked before anything is written.
    ///
    /// # Errors
    /// [`ImportError`]: when a payload does not fit, nothing is written. When batches fail, all
    /// others are written, those before them and those after; the error has the result of each.
    pub async fn import(&self, appends: Vec<Append>) -> Result<Vec<Appended>, ImportError> {
        let (mut checked, mut unbound) = (Vec::with_capacity(appends.len()), Vec::new());
        for (batch, append) in appends.into_iter().enumerate() {
            let refused = |source| ImportError::Schema { batch, source };
            let prepared = self.prepare(append).map_err(refused)?;
            self.check_readable(&prepared.append).map_err(refused)?;
            checked.push(prepared.append);
            prepared.unbound.into_iter().for_each(|new| new.add_to(&mut unbound));
        }
        self.bind(unbound).await?;
        let span = tracing::info_span!(
            "annals.import",
            appends = checked.len(),
            events = checked.iter().map(Append::event_count).sum::<usize>(),
        );
        let results = self.log().append_bulk(checked).instrument(span).await;
        if results.iter().any(Result::is_err) {
            return Err(ImportError::Batches { results });
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// Reads what is about to be written: an event that nobody can read would block its stream
    /// and every projection for ever.
    fn check_readable(&self, append: &Append) -> Result<(), SchemaError> {
        for event in append.streams.iter().flat_map(|stream| &stream.events) {
            self.inner.schemas.read(event)?;
        }
        Ok(())
    }

    /// Checks payloads against their schemas and attaches hooks.
    pub(super) fn prepare(&self, mut append: Append) -> Result<Prepared, SchemaError> {
        let mut unbound: Vec<Unbound> = Vec::new();
        for event in append.streams.iter().flat_map(|stream| &stream.events) {
            if let Some(new) = self.inner.schemas.look(event)? {
                new.add_to(&mut unbound);
            }
        }
        let hooks = self.inner.hooks.read().unwrap_or_else(PoisonError::into_inner);
        for hook in hooks.iter() {
            let mut events = append.streams.iter().flat_map(|stream| &stream.events);
            if events.any(|event| hook.event_types.contains(&event.event_type)) {
                append.hooks.push(hook.hook.clone());
            }
        }
        Ok(Prepared { append, unbound })
    }
}
