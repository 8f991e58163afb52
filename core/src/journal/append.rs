//! Appending events outside a command: imports, and events from elsewhere.

use std::sync::PoisonError;

use super::{Journal, RegisterError};
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
    /// Appends after checking every payload, and runs the hooks of inline projections.
    ///
    /// # Errors
    /// [`JournalError`]
    pub async fn append(&self, append: Append) -> Result<Appended, JournalError> {
        let Prepared { append, unbound } = self.prepare(append)?;
        self.bind(unbound).await?;
        Ok(self.store().append(append).await?)
    }

    /// Appends many batches, each atomic and judged on its own, in as few commits as possible.
    /// For imports: give ids and `occurred_at` with the events, so that a second run of the same
    /// import changes nothing. Payloads are checked before anything is written.
    ///
    /// # Errors
    /// [`JournalError`] of the first batch that failed; the batches before it are written.
    pub async fn import(&self, appends: Vec<Append>) -> Result<Vec<Appended>, JournalError> {
        let (mut checked, mut unbound) = (Vec::with_capacity(appends.len()), Vec::new());
        for append in appends {
            let prepared = self.prepare(append)?;
            checked.push(prepared.append);
            prepared.unbound.into_iter().for_each(|new| new.add_to(&mut unbound));
        }
        self.bind(unbound).await?;
        let results = self.store().append_bulk(checked).await;
        Ok(results.into_iter().collect::<Result<_, StoreError>>()?)
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
