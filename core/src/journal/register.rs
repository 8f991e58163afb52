//! Making event types known to the process and to the store.

use std::any::TypeId;
use std::sync::{Arc, PoisonError};

use super::Journal;
use crate::error_kind::ErrorKind;
use crate::event::Event;
use crate::schema::{RegisteredSchema, RenamedFamily, SchemaError, Stand, Unbound};
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

/// Others were faster, again and again.
#[derive(Debug, thiserror::Error)]
#[error("other programs keep widening it: try again")]
struct Contended;

/// How often a schema is widened when others widen it at the same time.
const WIDENINGS: usize = 16;

impl Journal {
    /// Makes `E`'s types known: proves that every older version reaches the newest, and compares
    /// with what the store's history was written with. The store is only read: a name and a schema
    /// become binding with the first event. Repeating it costs nothing.
    ///
    /// # Errors
    /// [`RegisterError`]: a process that meets one must not go on.
    pub async fn register<E: Event>(&self) -> Result<(), RegisterError> {
        let type_id = TypeId::of::<E>();
        if self.registered().read().unwrap_or_else(PoisonError::into_inner).contains(&type_id) {
            return Ok(());
        }
        let stored = self.log().schemas().await?;
        self.inner.schemas.register_against::<E>(&stored)?;
        self.registered().write().unwrap_or_else(PoisonError::into_inner).insert(type_id);
        Ok(())
    }

    /// The families of the types made known so far that look like one of the store's under another
    /// prefix. `Builder::start` of the facade warns of them.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn renamed_families(&self) -> Result<Vec<RenamedFamily>, StoreError> {
        Ok(self.inner.schemas.renamed_families(&self.log().schemas().await?))
    }

    /// Makes the schemas of what is about to be appended binding: the store learns those that it
    /// does not have yet, or has narrower. Of two programs that declare different schemas, the
    /// second hears of the first here.
    ///
    /// Dropping the future leaves schemas that were registered, which is harmless.
    pub(super) async fn bind(&self, unbound: Vec<Unbound>) -> Result<(), RegisterError> {
        if unbound.is_empty() {
            return Ok(());
        }
        let store = self.log();
        let declared: Vec<RegisteredSchema> = unbound.iter().map(Unbound::declared).collect();
        store.register_schemas(&declared).await?;
        for _ in 0..WIDENINGS {
            let stored = store.schemas().await?;
            let mut all_bound = true;
            for (unbound, declared) in unbound.iter().zip(&declared) {
                match unbound.stand(&stored)? {
                    Stand::Bound => {}
                    Stand::Missing => return Err(lost(declared).into()),
                    Stand::Wider(narrower) => {
                        all_bound = false;
                        store.widen_schema(narrower, &declared.schema).await?;
                    }
                }
            }
            if all_bound {
                return Ok(());
            }
        }
        let place = format!("the schema of `{}`", declared[0].event_type);
        Err(StoreError::Unavailable { place, source: Arc::new(Contended) }.into())
    }

    fn registered(&self) -> &std::sync::RwLock<std::collections::HashSet<TypeId>> {
        &self.inner.registered
    }
}

/// A store took a schema and then does not have it: its contract is broken.
fn lost(schema: &RegisteredSchema) -> StoreError {
    StoreError::Corrupt {
        place: format!("the schema of `{}` version {}", schema.event_type, schema.version),
        detail: "it was registered, and cannot be found".to_owned(),
    }
}
