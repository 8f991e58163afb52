//! The schemas a store's history was written with.

use async_trait::async_trait;

use super::StoreError;
use crate::schema::RegisteredSchema;

/// Registered schemas.
///
/// # Contract
/// - A type and version, once registered, is never removed, and its schema changes only by
///   [`widen_schema`](Self::widen_schema).
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

    /// Replaces a registered schema by one that accepts more, if it still stands as `known`:
    /// compare and set. Returns whether it did; the caller reads again and compares. That `wider`
    /// accepts whatever `known` accepts is the caller's promise.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    async fn widen_schema(&self, known: &RegisteredSchema, wider: &str)
    -> Result<bool, StoreError>;
}
