//! A gate in the way of every append, or of whatever else changes a table: its transaction has written and
//! cannot commit.

use tokio_postgres::Client;

use super::place::Place;

/// A key of an advisory lock that nobody else uses. It is one for a whole database, so a gate belongs
/// on a server of the story's own.
const KEY: i64 = 0x616e_6e61_6c73;

/// Transactions wait inside while it is shut.
pub(crate) struct Gate(Client);

impl Gate {
    /// For appends.
    pub(super) async fn install(place: &Place) -> Self {
        Self::at(place, "events", "INSERT").await
    }

    /// For something else that is done to a table.
    pub(crate) async fn at(place: &Place, table: &str, what: &str) -> Self {
        let (table, function) = (place.name(table), place.name("gate"));
        let client = place.client().await;
        let sql = format!(
            "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 PERFORM pg_advisory_xact_lock_shared({KEY}); RETURN NULL;
             END $$;
             CREATE TRIGGER gate AFTER {what} ON {table}
             FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        );
        client.batch_execute(&sql).await.expect("the owner may add a trigger");
        Self(client)
    }

    pub(crate) async fn shut(&self) {
        let sql = format!("SELECT pg_advisory_lock({KEY})");
        self.0.batch_execute(&sql).await.expect("appends come and go");
    }

    pub(super) async fn open(&self) {
        let sql = format!("SELECT pg_advisory_unlock({KEY})");
        self.0.batch_execute(&sql).await.expect("it is shut");
    }

    /// Waits until a transaction is at the gate. The server gives no signal, so it is asked.
    pub(crate) async fn somebody_waits(&self) {
        let sql = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                                  AND (classid::bigint << 32) | objid::bigint = $1)";
        let waits =
            async || self.0.query_one(sql, &[&KEY]).await.expect("locks can be seen").get(0);
        while !waits().await {}
    }
}
