//! A server that does not speak English: nothing is told from its words.

use std::sync::Arc;
use std::time::Duration;

use annals::outbox::{Inbound, MemoryBroker};
use annals::store::{Append, EventStore};
use annals::{Annals, ExpectedVersion, NewEvent, PgOptions, PgStore};
use annals_tests::bank::AccountEvent;
use annals_tests::postgres::Server;

use crate::homes::{deposit, quick, stream};
use crate::outbox::{Accounts, Customer, Customers, shared};

async fn open(server: &Server, schema: &str) -> Arc<PgStore> {
    let options = PgOptions::parse(&server.url()).unwrap().schema(schema).unwrap();
    Arc::new(PgStore::connect_with(options).await.unwrap())
}

/// Conflicts, a crash of the server, and services that talk: all as on any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_german_server_is_understood() {
    let story = async {
        let mut server = Server::start_in_german().await;
        let said = annals_tests::postgres::connect(&server.url()).await;
        let said = said.batch_execute("SELECT * FROM was_es_nicht_gibt").await.unwrap_err();
        let said = said.as_db_error().expect("the server says so").message().to_owned();
        assert!(said.contains("existiert nicht"), "it speaks no German: {said}");

        let broker = MemoryBroker::default();
        let bank = Annals::on_shared(open(&server, "bank").await).events::<AccountEvent>();
        let bank = bank.publish(Accounts, shared(&broker)).engine_options(quick());
        let bank = bank.start().await.unwrap();
        let inbound = Inbound::new("taxes", broker.source(["accounts"]));
        let taxes = Annals::on_shared(open(&server, "taxes").await);
        let taxes = taxes.project_from(&inbound, Customers).engine_options(quick());
        let taxes = taxes.start().await.unwrap();
        deposit(&bank, 1, 10).await;

        // A version that is taken is a conflict, whatever it is called.
        let store = open(&server, "bank").await;
        let event = NewEvent::of(&AccountEvent::Deposited { cents: 1 }).unwrap();
        let append = Append::to(stream(1), ExpectedVersion::NoStream, vec![event]);
        let refused = store.append(append).await.unwrap_err();
        assert!(refused.to_string().contains("account-1"), "{refused}");

        server.kill_9();
        server.start_again().await;
        loop {
            let event = NewEvent::of(&AccountEvent::Deposited { cents: 1 }).unwrap();
            let append = Append::to(stream(1), ExpectedVersion::Any, vec![event]);
            match bank.append(append).await {
                Ok(_) => break,
                Err(error) => {
                    println!("{error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        let known = async || {
            let row = taxes.read::<Customer>().get(&1).await;
            row.ok().flatten().map_or(0, |row: Customer| row.facts)
        };
        while known().await < 11 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bank.shutdown().await;
        taxes.shutdown().await;
    };
    tokio::time::timeout(Duration::from_secs(120), story).await.expect("it ends");
}
