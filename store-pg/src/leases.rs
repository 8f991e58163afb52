//! Leases with fencing tokens.

use std::time::Duration;

use annals_core::store::{Lease, StoreError};
use jiff::Timestamp;
use tokio_postgres::types::Type;

use crate::connection::Connector;
use crate::event_row::{number, signed};
use crate::session::{Bound, Session};
use crate::statements::Statements;

pub(crate) async fn acquire_lease(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
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
    let taken = session.query_opt(&sql.acquire_lease, &values).await;
    let Some(row) = taken.map_err(connector.failed())? else { return Ok(None) };
    let (name, holder) = (name.to_owned(), holder.to_owned());
    Ok(Some(Lease { name, holder, token: number(&row, 0)?, expires_at }))
}

pub(crate) async fn renew_lease(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    lease: &Lease,
    (now, ttl): (Timestamp, Duration),
) -> Result<Lease, StoreError> {
    let (token, expires_at) = (signed(lease.token), stored_end(now, ttl));
    let values: [Bound<'_>; 3] =
        [(&lease.name, Type::TEXT), (&token, Type::INT8), (&expires_at, Type::TIMESTAMPTZ)];
    match session.execute(&sql.renew_lease, &values).await.map_err(connector.failed())? {
        0 => Err(lost(lease)),
        _ => Ok(Lease { expires_at, ..lease.clone() }),
    }
}

pub(crate) async fn release_lease(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    lease: &Lease,
) -> Result<(), StoreError> {
    let token = signed(lease.token);
    let released = session
        .execute(&sql.release_lease, &[(&lease.name, Type::TEXT), (&token, Type::INT8)])
        .await;
    released.map(|_| ()).map_err(connector.failed())
}

/// Refuses unless the lease is the newest of its name and not released.
pub(crate) async fn check_lease(
    session: Session<'_>,
    sql: &Statements,
    connector: &Connector,
    lease: &Lease,
) -> Result<(), StoreError> {
    let token = signed(lease.token);
    let held = session
        .query_opt(&sql.check_lease, &[(&lease.name, Type::TEXT), (&token, Type::INT8)])
        .await;
    held.map_err(connector.failed())?.map(|_| ()).ok_or_else(|| lost(lease))
}

fn lost(lease: &Lease) -> StoreError {
    StoreError::LeaseLost { name: lease.name.clone(), token: lease.token }
}

/// The end of a lease as PostgreSQL keeps it, to the microsecond.
fn stored_end(now: Timestamp, ttl: Duration) -> Timestamp {
    let end = Lease::end(now, ttl);
    Timestamp::from_microsecond(end.as_microsecond()).unwrap_or(end)
}
