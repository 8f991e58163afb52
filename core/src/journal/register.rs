//! Making event types known to the process and to the store.

use std::any::TypeId;
use std::sync::PoisonError;

use super::Journal;
use crate::error_kind::ErrorKind;
use crate::event::Event;
use crate::schema::SchemaError;
use crate::store::StoreError;

/// Event types that cannot be used with this store.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The types do not hold together, or not with the store's history.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RegisterError {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Schema(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

impl Journal {
    /// Makes `E`'s types known: proves that every older version reaches the newest, and compares
    /// with what the store's history was written with. Repeating it costs nothing.
    ///
    /// # Errors
    /// [`RegisterError`]: a process that meets one must not go on.
    pub async fn register<E: Event>(&self) -> Result<(), RegisterError> {
        let type_id = TypeId::of::<E>();
        if self.registered().read().unwrap_or_else(PoisonError::into_inner).contains(&type_id) {
            return Ok(());
        }
        let (schemas, store) = (&self.inner.schemas, self.store());
        let missing = schemas.compare::<E>(&store.schemas().await?)?;
        if !missing.is_empty() {
            store.register_schemas(&missing).await?;
            // Another process may have been faster with a different schema.
            schemas.compare::<E>(&store.schemas().await?)?;
        }
        // Last, so that types which were refused cannot be appended.
        schemas.register::<E>()?;
        self.registered().write().unwrap_or_else(PoisonError::into_inner).insert(type_id);
        Ok(())
    }

    fn registered(&self) -> &std::sync::RwLock<std::collections::HashSet<TypeId>> {
        &self.inner.registered
    }
}
