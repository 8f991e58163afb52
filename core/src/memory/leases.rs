//! Leases in memory.

use std::time::Duration;

use jiff::Timestamp;

use super::state::{HeldLease, State};
use crate::store::{Lease, StoreError};

impl State {
    pub(super) fn acquire_lease(
        &mut self,
        name: &str,
        holder: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Option<Lease> {
        let held = self.leases.get(name);
        let token = match held {
            None => 1,
            Some(held) if held.released || held.lease.expires_at <= now => {
                let same = !held.released && held.lease.holder == holder;
                held.lease.token + u64::from(!same)
            }
            Some(held) if held.lease.holder == holder => held.lease.token,
            Some(_) => return None,
        };
        let lease = Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
            token,
            expires_at: Lease::end(now, ttl),
        };
        self.leases.insert(name.to_owned(), HeldLease { lease: lease.clone(), released: false });
        Some(lease)
    }

    pub(super) fn renew_lease(
        &mut self,
        lease: &Lease,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Lease, StoreError> {
        self.check_lease(lease)?;
        let renewed = Lease { expires_at: Lease::end(now, ttl), ..lease.clone() };
        let held = HeldLease { lease: renewed.clone(), released: false };
        self.leases.insert(lease.name.clone(), held);
        Ok(renewed)
    }

    pub(super) fn release_lease(&mut self, lease: &Lease) {
        if self.check_lease(lease).is_ok()
            && let Some(held) = self.leases.get_mut(&lease.name)
        {
            held.released = true;
        }
    }

    pub(super) fn check_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let held = self.leases.get(&lease.name);
        let holds = held.is_some_and(|held| !held.released && held.lease.token == lease.token);
        holds
            .then_some(())
            .ok_or_else(|| StoreError::LeaseLost { name: lease.name.clone(), token: lease.token })
    }
}
