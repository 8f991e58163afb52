//! A new local copy begins with what its owner serves over HTTP, and goes on with what NATS has, which has thrown
//! away what came long ago.

mod killed;
mod seam;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use annals::http::{Access, public_log};
use annals::outbox::PublicLog;
use annals::{Annals, MemoryStore, ops};
use annals_testkit::{Faults, FaultyStore, Operation};
use annals_tests::bank::AccountEvent;
use annals_tests::brokers::{Nats, client, fresh_name};
use annals_tests::facts::{Deposit, Facts};

use super::ask;
use crate::homes::{append, quick};
use crate::outbox::history::http::Served;

const ACCOUNTS: usize = 4;

/// How many deposits of each account NATS has thrown away.
const FORGOTTEN: i64 = 150;

/// How long a story may take; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether a copy has taken all of its owner's history in.
async fn at_end(copy: &Annals) -> bool {
    let state = copy.stores().work().state("history/deposits/1").await.expect("it can be read");
    state.is_some_and(|state| state.contains("\"at_end\":true"))
}

/// The owner: it sends what it tells to NATS, and serves all that it has ever told.
struct Owner {
    bank: Annals,
    served: Served,
    /// Of what history is read from.
    log: Faults,
    /// The stream of NATS, and its subject.
    place: String,
    /// How many deposits there are of each account: of 1, 2, 3, … cents.
    deposits: [AtomicI64; ACCOUNTS],
}

impl Owner {
    /// After a life of which NATS keeps nothing.
    async fn old(nats: &Nats) -> Self {
        let place = fresh_name("facts");
        let store = MemoryStore::default();
        let (publisher, address) =
            client::publisher(&nats.url(), &place).await.expect("the options are right");
        let bank = Annals::on(store.clone()).events::<AccountEvent>();
        let bank = bank.publish(Facts(address.clone()), publisher).engine_options(quick());
        let bank = bank.start().await.expect("it starts");
        let watched = FaultyStore::new(Arc::new(store));
        let log = watched.faults().clone();
        let told = PublicLog::new(Facts(address), Arc::new(watched));
        let served = Served::new(public_log(told, Access::this_machine())).await;
        let deposits = [const { AtomicI64::new(0) }; ACCOUNTS];
        let owner = Self { bank, served, log, place, deposits };
        for _ in 0..FORGOTTEN {
            for account in 1..=ACCOUNTS {
                owner.deposit(account).await;
            }
        }
        owner.has_sent_all().await;
        let purged = ask(&nats.address(), &format!("STREAM.PURGE.{}", owner.place), "").await;
        assert_eq!(purged["purged"], ACCOUNTS as i64 * FORGOTTEN, "{purged}");
        owner
    }

    /// The next deposit of an account; one at a time of each.
    async fn deposit(&self, account: usize) {
        let cents = self.deposits[account - 1].load(Ordering::SeqCst) + 1;
        append(&self.bank, account as u32, vec![AccountEvent::Deposited { cents }]).await;
        self.deposits[account - 1].store(cents, Ordering::SeqCst);
    }

    /// Waits until NATS has everything.
    async fn has_sent_all(&self) {
        let head = self.bank.log().head().await.expect("it can be read");
        let work = self.bank.stores().work();
        while ops::position(&**work, "facts-out", 1).await.expect("readable") < Some(head) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.served.address)
    }

    /// How many pages of history were asked for.
    fn pages(&self) -> u64 {
        self.log.calls(Operation::ReadLog)
    }

    /// What a copy of it has.
    fn rows(&self) -> Vec<Deposit> {
        let row = |(account, last): (u32, &AtomicI64)| Deposit {
            account,
            last: last.load(Ordering::SeqCst),
            disorder: 0,
        };
        (1..).zip(&self.deposits).map(row).collect()
    }

    /// Waits until a copy has the same, and nothing came twice or was left out on the way.
    async fn is_copied(&self, copy: &Annals, context: &str) {
        loop {
            let mut rows = copy.read::<Deposit>().list().await.expect("they can be read");
            rows.sort_by_key(|row| row.account);
            assert!(rows.iter().all(|row| row.disorder == 0), "{context}: {rows:?}");
            if rows == self.rows() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
