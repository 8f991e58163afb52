//! Transactions that stay open, in this database and in another one of the same server.

use annals::store::Append;
use annals::{ExpectedVersion, NewEvent, Payload};
use annals_tests::ledger::Ledger;
use annals_tests::postgres::{Server, connect};
use annals_tests::writer::stream;

use super::super::gate::Gate;
use super::{Place, Story, Writers, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_stays_open() {
    // Of its own, because the lock is one for a whole database.
    let server = Server::start().await;
    let mut story = Story::begin(Place::on(&server)).await;
    let gate = Gate::install(&story.place).await;
    let stores = [0, 1].map(|_| story.place.options());
    let stores = [open(stores[0].clone()).await, open(stores[1].clone()).await];

    let writers = Writers::start(&stores, 8, 60, story.seed);
    for round in 1..=5 {
        story.reader.wait_for(round * 20).await;
        gate.shut().await;
        // From here on the reader reads beside an append that has its positions and no commit.
        gate.somebody_waits().await;
        gate.open().await;
    }
    let ledger = writers.finish().await;
    story.end(&ledger).await;
}

/// Where positions follow transaction ids, all of these hold the reader back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_elsewhere_stall_nobody() {
    let server = Server::start().await;
    server.psql("CREATE DATABASE elsewhere").await;
    let mut story = Story::begin(Place::on(&server)).await;
    let elsewhere = connect(&server.url_of("elsewhere")).await;
    let here = connect(&server.url()).await;
    for (client, table) in [(&elsewhere, "other"), (&here, "another")] {
        let sql = format!("BEGIN; SELECT txid_current(); CREATE TABLE {table} (n int)");
        client.batch_execute(&sql).await.expect("a transaction begins");
    }

    let writers = Writers::start(std::slice::from_ref(&story.store), 8, 30, story.seed);
    let ledger = writers.finish().await;
    let events = ledger.acknowledged.iter().flatten().count() as u64;
    // The reader gets to the end while both transactions are still open.
    story.reader.wait_for(events).await;
    story.end(&ledger).await;
    elsewhere.batch_execute("COMMIT").await.expect("it was only idle");
    here.batch_execute("ROLLBACK").await.expect("it was only idle");
}

/// Where positions follow transaction ids, this event comes before those the reader has seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_transaction_appends_late() {
    let mut story = Story::begin(Place::shared().await).await;
    let mut client = story.place.client().await;
    let mut expected = 0;
    let mut whole = Ledger::default();
    for round in 0..5 {
        let transaction = client.transaction().await.expect("a transaction begins");
        // The id is taken now, long before the append.
        transaction.query_one("SELECT txid_current()", &[]).await.expect("an id");
        let seed = story.seed + round;
        let name = format!("r{round}");
        let writers = Writers::start_named(std::slice::from_ref(&story.store), 4, 15, &name, seed);
        let ledger = writers.finish().await;
        expected += ledger.acknowledged.iter().flatten().count() as u64;
        story.reader.wait_for(expected).await;

        let event = NewEvent::raw("sample.late", 1, Payload::from_stored("{}"));
        let append = Append::to(stream("shared", "0"), ExpectedVersion::Any, vec![event]);
        let appended = story.store.append_within(&transaction, append.clone()).await;
        let appended = appended.expect("the transaction appends");
        if round == 3 {
            transaction.rollback().await.expect("it can be undone");
            whole.refuse(&append);
        } else {
            transaction.commit().await.expect("it can be committed");
            expected += 1;
            whole.acknowledge(&append, &appended);
        }
        whole.merge(ledger);
    }
    story.end(&whole).await;
}
