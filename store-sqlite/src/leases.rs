//! Leases with fencing tokens.

use std::time::Duration;

use annals_core::store::{Lease, StoreError};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use crate::error::corrupt;
use crate::job::Group;
use crate::read::signed;
use crate::statements::{READ_LEASE, WRITE_LEASE};

/// What stands in the table.
struct Held {
    holder: String,
    token: u64,
    expires_at: Timestamp,
    released: bool,
}

pub(crate) fn acquire_lease(
    group: &mut Group<'_>,
    name: &str,
    holder: &str,
    ttl: Duration,
) -> Result<Option<Lease>, StoreError> {
    let token = match read(group, name)? {
        None => 1,
        Some(held) if held.released => held.token + 1,
        Some(held) if held.holder == holder => held.token,
        Some(held) if held.expires_at <= group.now => held.token + 1,
        Some(_) => return Ok(None),
    };
    let lease = Lease {
        name: name.to_owned(),
        holder: holder.to_owned(),
        token,
        expires_at: Lease::end(group.now, ttl),
    };
    write(group, &lease, false)?;
    Ok(Some(lease))
}

pub(crate) fn renew_lease(
    group: &mut Group<'_>,
    lease: &Lease,
    ttl: Duration,
) -> Result<Lease, StoreError> {
    check_lease(group, lease)?;
    let renewed = Lease { expires_at: Lease::end(group.now, ttl), ..lease.clone() };
    write(group, &renewed, false)?;
    Ok(renewed)
}

pub(crate) fn release_lease(group: &mut Group<'_>, lease: &Lease) -> Result<(), StoreError> {
    match check_lease(group, lease) {
        Ok(()) => write(group, lease, true),
        Err(StoreError::LeaseLost { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Refuses unless the lease is the newest of its name and not released.
pub(crate) fn check_lease(group: &Group<'_>, lease: &Lease) -> Result<(), StoreError> {
    let held = read(group, &lease.name)?;
    let holds = held.is_some_and(|held| !held.released && held.token == lease.token);
    holds
        .then_some(())
        .ok_or_else(|| StoreError::LeaseLost { name: lease.name.clone(), token: lease.token })
}

fn read(group: &Group<'_>, name: &str) -> Result<Option<Held>, StoreError> {
    let row = group
        .connection
        .query_row(READ_LEASE, [name], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()
        .map_err(group.failed())?;
    let Some((holder, token, expires_at, released)) = row else { return Ok(None) };
    Ok(Some(Held {
        holder,
        token: u64::try_from(token).map_err(corrupt)?,
        expires_at: Timestamp::from_microsecond(expires_at).map_err(corrupt)?,
        released,
    }))
}

fn write(group: &mut Group<'_>, lease: &Lease, released: bool) -> Result<(), StoreError> {
    let values = params![
        lease.name,
        lease.holder,
        signed(lease.token),
        lease.expires_at.as_microsecond(),
        released
    ];
    group.connection.execute(WRITE_LEASE, values).map_err(group.failed())?;
    Ok(())
}
