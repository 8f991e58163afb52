//! A gate in the way of every append: its transaction has written and cannot commit.

use tokio_postgres::Client;

use super::place::Place;

/// A key of an advisory lock that nobody else uses. It is one for a whole database, so a gate belongs
/// on a server of the story's own.
const KEY: i64 = 0x616e_6e61_6c73;

/// Appends wait inside their transactions while it is shut.
pub(super) struct Gate(Client);

impl Gate {
    pub(super) async fn install(place: &Place) -> Self {
        let (events, function) = (place.name("events"), place.name("gate"));
        let client = place.client().await;
        let sql = format!(
            "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 PERFORM pg_advisory_xact_lock_shared({KEY}); RETURN NULL;
             END $$;
             CREATE TRIGGER gate AFTER INSERT ON {events}
             FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        );
        client.batch_execute(&sql).await.expect("the owner may add a trigger");
        Self(client)
    }

    pub(super) async fn shut(&self) {
        let sql = format!("SELECT pg_advisory_lock({KEY})");
        self.0.batch_execute(&sql).await.expect("appends come and go");
    }

    pub(super) async fn open(&self) {
        let sql = format!("SELECT pg_advisory_unlock({KEY})");
        self.0.batch_execute(&sql).await.expect("it is shut");
    }

    /// Waits until an append is at the gate. The server gives no signal, so it is asked.
    pub(super) async fn somebody_waits(&self) {
        let sql = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                                  AND (classid::bigint << 32) | objid::bigint = $1)";
        let waits =
            async || self.0.query_one(sql, &[&KEY]).await.expect("locks can be seen").get(0);
        while !waits().await {}
    }
}
