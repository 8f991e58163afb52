//! Setting the timers of an instance anew that are gone.

use std::sync::Arc;

use annals_consumers::schedule;
use annals_core::store::{StoreError, Stores, TransactExt};

use super::wakeups::{Fault, look_at_instance};
use crate::alarm::Alarm;

/// How often is looked whether all of them stand.
const TRIES: usize = 5;

/// Sets the timers that an instance lacks, for the deadlines that it has, and returns their names. That a timer
/// is gone is no doing of a saga: its row was deleted, or restored from another time than the log.
///
/// # Errors
/// [`StoreError`] when the store fails, or the stream of the instance cannot be understood.
pub async fn rearm(stores: &Stores, saga: &str, instance: &str) -> Result<Vec<String>, StoreError> {
    let (log, work) = (&**stores.log(), &**stores.work());
    let mut set = Vec::new();
    // The instance may go on meanwhile: what was set then is looked at again, and a timer too many does nothing.
    for _ in 0..TRIES {
        let mut timers = Vec::new();
        for fault in look_at_instance((log, work), saga, instance).await? {
            let Fault::Missing { instance, deadline, at } = fault else { continue };
            set.push(deadline.clone());
            let timer = Alarm::new(&instance, &deadline, at).timer();
            timers.push(timer.map_err(StoreError::refused)?);
        }
        if timers.is_empty() {
            break;
        }
        // The work may be done again.
        let wanted = Arc::new((saga.to_owned(), timers));
        let scheduled = work.transact_with(move |transaction| {
            let wanted = wanted.clone();
            Box::pin(async move {
                let (saga, timers) = &*wanted;
                schedule(transaction, saga, timers.clone()).await
            })
        });
        scheduled.await?;
    }
    set.sort();
    set.dedup();
    Ok(set)
}
