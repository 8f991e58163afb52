//! Leases with fencing tokens.

use std::time::Duration;

use annals_core::store::{Lease, StoreError};
use jiff::Timestamp;
use tokio_postgres::types::Type;

use crate::event_row::{number, signed};
use crate::link::Link;
use crate::session::Bound;

pub(crate) async fn acquire_lease(
    link: Link<'_>,
    (name, holder): (&str, &str),
    (now, ttl): (Timestamp, Duration),
) -> Result<Option<Lease>, StoreError> {
    let expires_at = stored_end(now, ttl);
    let values: [Bound<'_>; 4] = [
        (&name, Type::TEXT),
        (&holder, Type::TEXT),
        (&now, Type::TIMESTAMPTZ),
        (&expires_at, Type::TIMESTAMPTZ),
    ];
    let taken = link.query_opt(&link.sql.acquire_lease, &values).await?;
    let Some(row) = taken else { return Ok(None) };
    let (name, holder) = (name.to_owned(), holder.to_owned());
    Ok(Some(Lease { name, holder, token: number(&row, 0)?, expires_at }))
}

pub(crate) async fn renew_lease(
    link: Link<'_>,
    lease: &Lease,
    (now, ttl): (Timestamp, Duration),
) -> Result<Lease, StoreError> {
    let (token, expires_at) = (signed(lease.token), stored_end(now, ttl));
    let values: [Bound<'_>; 3] =
        [(&lease.name, Type::TEXT), (&token, Type::INT8), (&expires_at, Type::TIMESTAMPTZ)];
    match link.execute(&link.sql.renew_lease, &values).await? {
        0 => Err(lost(lease)),
        _ => Ok(Lease { expires_at, ..lease.clone() }),
    }
}

pub(crate) async fn release_lease(link: Link<'_>, lease: &Lease) -> Result<(), StoreError> {
    let token = signed(lease.token);
    let values: [Bound<'_>; 2] = [(&lease.name, Type::TEXT), (&token, Type::INT8)];
    link.execute(&link.sql.release_lease, &values).await.map(|_| ())
}

/// Refuses unless the lease is the newest of its name and not released.
pub(crate) async fn check_lease(link: Link<'_>, lease: &Lease) -> Result<(), StoreError> {
    let token = signed(lease.token);
    let values: [Bound<'_>; 2] = [(&lease.name, Type::TEXT), (&token, Type::INT8)];
    let held = link.query_opt(&link.sql.check_lease, &values).await?;
    held.map(|_| ()).ok_or_else(|| lost(lease))
}

fn lost(lease: &Lease) -> StoreError {
    StoreError::LeaseLost { name: lease.name.clone(), token: lease.token }
}

/// The end of a lease as PostgreSQL keeps it, to the microsecond.
fn stored_end(now: Timestamp, ttl: Duration) -> Timestamp {
    let end = Lease::end(now, ttl);
    Timestamp::from_microsecond(end.as_microsecond()).unwrap_or(end)
}
