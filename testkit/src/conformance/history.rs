//! I3: history is append-only. The traits know no way to change an event; SQL must find none.

use annals_core::store::TransactExt;

use super::Subject;
use super::samples::{assert_in_order, log, put};

/// Ways to change history. A dialect that does not know one refuses it too, and that is as good.
const ATTEMPTS: [&str; 7] = [
    "UPDATE annals_events SET payload = '{}'",
    "UPDATE annals_events SET version = version WHERE position = 1",
    "DELETE FROM annals_events",
    "DELETE FROM annals_events WHERE position = 3",
    "TRUNCATE annals_events",
    "INSERT OR REPLACE INTO annals_events SELECT * FROM annals_events",
    "REPLACE INTO annals_events SELECT * FROM annals_events WHERE position = 2",
];

/// The database itself refuses, and what stands there stays.
pub async fn sql_cannot_change_history(subject: Subject) {
    if !subject.takes_sql() {
        return;
    }
    let store = &*subject.store;
    put(store, "account-1", 2).await;
    put(store, "account-2", 1).await;
    let before = log(store).await;
    for sql in ATTEMPTS {
        let refused = store
            .transact_with(move |transaction| {
                Box::pin(async move { transaction.execute(sql, &[]).await })
            })
            .await;
        assert!(refused.is_err(), "`{sql}` changed {refused:?} events");
        assert_eq!(log(store).await, before, "after `{sql}`");
    }
    put(store, "account-1", 1).await;
    assert_in_order(store).await;
}
