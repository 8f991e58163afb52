//! The server refuses the data of one append. Its neighbours in the batch are written; it alone is told.

use std::sync::Arc;
use std::time::Duration;

use annals::store::{Append, EventStore};
use annals::{ExpectedVersion, NewEvent, Payload, PgStore};
use annals_tests::ledger::whole_log;
use annals_tests::writer::stream;

use super::place::Place;

const PATIENCE: Duration = Duration::from_secs(60);
const APPENDS: usize = 40;

/// Refuses some events as the server refuses text that it cannot keep.
const REFUSAL: &str = "
    CREATE FUNCTION annals.poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.type = 'order.poisoned' THEN
            RAISE EXCEPTION 'it is poison' USING ERRCODE = 'untranslatable_character';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER poison BEFORE INSERT ON annals.events
    FOR EACH ROW EXECUTE FUNCTION annals.poison()";

fn append(n: usize, shared: bool) -> (Append, bool) {
    let is_poison = n % 13 == 5;
    let event_type = if is_poison { "order.poisoned" } else { "order.placed" };
    let event = NewEvent::raw(event_type, 1, Payload::from_stored("{}"));
    let id = if shared { "shared".to_owned() } else { n.to_string() };
    (Append::to(stream("order", &id), ExpectedVersion::Any, vec![event]), is_poison)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_neighbours_are_written() {
    tokio::time::timeout(PATIENCE, story()).await.expect("nobody waits for ever");
}

async fn story() {
    let place = Place::shared().await;
    let store = place.store().await;
    let client = place.client().await;
    client.batch_execute(&REFUSAL.replace("annals.", &place.name(""))).await.expect("a trigger");
    let mut written = 0;
    // In one statement, and in a transaction where appends share a stream.
    for shared in [false, true] {
        written += together(&place, &store, &client, shared).await;
        assert_eq!(whole_log(&*store).await.len(), written);
    }
    let import: Vec<_> = (0..APPENDS).map(|n| append(n, true)).collect();
    let (appends, poisonous): (Vec<_>, Vec<_>) = import.into_iter().unzip();
    let results = store.append_bulk(appends).await;
    for (result, is_poison) in results.iter().zip(poisonous) {
        assert_eq!(result.is_err(), is_poison, "{result:?}");
        written += usize::from(!is_poison);
    }
    assert_eq!(whole_log(&*store).await.len(), written);
}

/// Appends that queue while somebody has the log locked, and then share commits.
async fn together(
    place: &Place,
    store: &Arc<PgStore>,
    client: &tokio_postgres::Client,
    shared: bool,
) -> usize {
    place.lock_log(client).await;
    let appending: Vec<_> = (0..APPENDS)
        .map(|n| {
            let (store, (append, is_poison)) = (store.clone(), append(n, shared));
            (tokio::spawn(async move { store.append(append).await }), is_poison)
        })
        .collect();
    tokio::task::yield_now().await;
    client.batch_execute("COMMIT").await.expect("it was only idle");
    let mut written = 0;
    for (appending, is_poison) in appending {
        let result = appending.await.expect("no panic");
        assert_eq!(result.is_err(), is_poison, "{result:?}");
        if let Err(error) = result {
            assert!(!error.may_have_written() && !error.is_transient(), "{error:?}");
        } else {
            written += 1;
        }
    }
    written
}
