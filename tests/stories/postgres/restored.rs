//! A database that was dumped, and goes on in another server.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use annals::outbox::{Inbound, MemoryBroker};
use annals::{Annals, PgOptions, PgStore};
use annals_tests::bank::AccountEvent;
use annals_tests::postgres::{Server, programs};

use crate::homes::{deposit, quick};
use crate::outbox::{Accounts, Customer, Customers, shared};

async fn bank(server: &Server, broker: &MemoryBroker) -> Annals {
    let options = PgOptions::parse(&server.url()).unwrap().schema("bank").unwrap();
    let store = PgStore::connect_with(options).await.unwrap();
    let program = Annals::on_shared(Arc::new(store)).events::<AccountEvent>();
    program.publish(Accounts, shared(broker)).engine_options(quick()).start().await.unwrap()
}

async fn taxes(server: &Server, broker: &MemoryBroker) -> Annals {
    let options = PgOptions::parse(&server.url()).unwrap().schema("taxes").unwrap();
    let store = PgStore::connect_with(options).await.unwrap();
    let inbound = Inbound::new("taxes", broker.source(["accounts"]));
    let program = Annals::on_shared(Arc::new(store)).project_from(&inbound, Customers);
    program.engine_options(quick()).start().await.unwrap()
}

async fn knows(service: &Annals, facts: i64) {
    let known = async || {
        let row = service.read::<Customer>().get(&1).await.unwrap();
        row.map_or(0, |row: Customer| row.facts)
    };
    while known().await < facts {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(known().await, facts);
}

/// Copies everything from one server to another by PostgreSQL's own programs.
fn dump_and_restore(from: &Server, to: &Server) {
    let dump = Command::new(programs().join("pg_dump")).arg(from.url()).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let mut restore = Command::new(programs().join("psql"));
    let restore = restore.args(["-q", "-v", "ON_ERROR_STOP=1", &to.url()]);
    let mut restore = restore.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    restore.stdin.take().expect("it was asked for").write_all(&dump.stdout).unwrap();
    assert!(restore.wait().unwrap().success());
}

/// Relay and inbox go on where the dump was made: what was sent is not sent again, and what was had is known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_database_goes_on() {
    let story = async {
        let (before, after) = (Server::start().await, Server::start().await);
        let broker = MemoryBroker::default();
        let (sender, receiver) = (bank(&before, &broker).await, taxes(&before, &broker).await);
        deposit(&sender, 1, 20).await;
        knows(&receiver, 20).await;
        sender.shutdown().await;
        receiver.shutdown().await;
        dump_and_restore(&before, &after);
        drop(before);

        let (sender, receiver) = (bank(&after, &broker).await, taxes(&after, &broker).await);
        let position = deposit(&sender, 1, 5).await;
        assert_eq!(position.get(), 25);
        knows(&receiver, 25).await;
        assert_eq!(broker.messages("accounts").len(), 25, "nothing was sent again");
        sender.shutdown().await;
        receiver.shutdown().await;
    };
    tokio::time::timeout(Duration::from_secs(120), story).await.expect("it ends");
}
