//! The schemas a store's history was written with.

use async_trait::async_trait;

use super::StoreError;
use crate::schema::RegisteredSchema;

/// Registered schemas.
///
/// # Contract
/// - A type and version, once registered, is never overwritten or removed.
#[async_trait]
pub trait SchemaStore: Send + Sync {
    /// All registered schemas, by type and version.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    async fn schemas(&self) -> Result<Vec<RegisteredSchema>, StoreError>;

    /// Adds those whose type and version are not registered yet, all or none. The others are left
    /// as they stand; the caller reads again and compares.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    async fn register_schemas(&self, schemas: &[RegisteredSchema]) -> Result<(), StoreError>;
}
