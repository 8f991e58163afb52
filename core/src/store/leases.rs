//! The right to work on something, for a while.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;

/// A lease that was granted. Its token grows with every new holder; a commit that carries an old
/// token is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub name: String,
    /// Who holds it.
    pub holder: String,
    /// The fencing token.
    pub token: u64,
    /// When it ends unless renewed, by the store's clock.
    pub expires_at: Timestamp,
}

impl Lease {
    /// When a lease that is granted now ends: after `ttl`, or at the end of time.
    pub fn end(now: Timestamp, ttl: Duration) -> Timestamp {
        let ttl = SignedDuration::try_from(ttl).unwrap_or(SignedDuration::MAX);
        now.saturating_add(ttl).unwrap_or(Timestamp::MAX)
    }
}

/// Named leases with fencing tokens.
///
/// # Contract
/// - At most one holder has a lease that has not expired.
/// - A new holder gets a larger token than every holder before it; the same holder asking again
///   keeps its token and gets a later end.
/// - Expiry is judged by one clock: the store's.
/// - A lease is checked inside a transaction with
///   [`check_lease`](super::Transaction::check_lease).
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Takes the lease if it is free, expired or the holder's own; `None` if another holds it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<Lease>, StoreError>;

    /// Prolongs a lease. An expired lease that nobody has taken since can still be prolonged.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else has it or it was released.
    async fn renew_lease(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError>;

    /// Gives a lease back. Harmless when it is already lost.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError>;
}
