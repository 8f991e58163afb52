//! A local copy of another's data that begins with history.

mod at_the_owner;
mod cut;
pub(crate) mod http;
mod seam;
mod status;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals::outbox::{History, HistoryError, HistoryPage, MemoryBroker, PublicLog};
use annals::{Annals, MemoryStore, Position};
use annals_tests::bank::AccountEvent;
use tokio::sync::Semaphore;

use super::{Accounts, Customer, shared};
use crate::homes::{append, deposit, quick};

/// How many accounts the bank has in these stories.
const ACCOUNTS: u32 = 4;

/// The owner, which sends what it tells to a broker.
async fn bank(store: &MemoryStore, broker: &MemoryBroker) -> Annals {
    let bank = Annals::on(store.clone()).events::<AccountEvent>();
    bank.publish(Accounts, shared(broker)).engine_options(quick()).start().await.unwrap()
}

/// The owner, after a life in which it has told more than its broker keeps: of each account `deposits`, and what
/// becomes none or two of what others are told.
async fn old_bank(store: &MemoryStore, deposits: usize) -> usize {
    let forgotten = MemoryBroker::default();
    let bank = bank(store, &forgotten).await;
    for account in 1..=ACCOUNTS {
        append(&bank, account, vec![AccountEvent::Opened { owner: "ann".to_owned() }]).await;
        append(&bank, account, vec![AccountEvent::Closed]).await;
        for _ in 0..deposits {
            deposit(&bank, account, 1).await;
        }
        append(&bank, account, vec![AccountEvent::Closed]).await;
    }
    let told = ACCOUNTS as usize * (deposits + 2);
    forgotten.watch().wait_for(|came| *came >= told as u64).await.unwrap();
    bank.shutdown().await;
    told
}

fn public_log(store: &MemoryStore) -> PublicLog {
    PublicLog::new(Accounts, Arc::new(store.clone()))
}

/// What a copy has of an account after so many deposits of a cent.
fn all(account: u32, deposits: i64) -> Customer {
    Customer { account, owner: "ann".to_owned(), cents: deposits, facts: deposits + 2 }
}

/// Waits until a copy has exactly these rows.
async fn has(copy: &Annals, wanted: impl Fn(u32) -> Customer) {
    for account in 1..=ACCOUNTS {
        let wanted = wanted(account);
        loop {
            let row = copy.read::<Customer>().get(&account).await.unwrap();
            match row {
                Some(row) if row == wanted => break,
                Some(row) => assert!(row.facts <= wanted.facts, "too much: {row:?}"),
                None => {}
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A history that says what it was asked, and can be held and taken away.
struct Watched {
    log: PublicLog,
    asked: Mutex<Vec<u64>>,
    down: AtomicBool,
    /// A page takes one.
    allowed: Semaphore,
}

impl Watched {
    fn new(log: PublicLog, allowed: usize) -> Arc<Self> {
        let (asked, down) = (Mutex::default(), AtomicBool::new(false));
        Arc::new(Self { log, asked, down, allowed: Semaphore::new(allowed) })
    }

    /// Behind which positions it was asked.
    fn asked(&self) -> Vec<u64> {
        self.asked.lock().unwrap().clone()
    }
}

#[annals::async_trait]
impl History for Watched {
    fn origin(&self) -> &str {
        "the bank"
    }

    async fn page(&self, after: Position, limit: usize) -> Result<HistoryPage, HistoryError> {
        self.asked.lock().unwrap().push(after.get());
        if self.down.load(Ordering::SeqCst) {
            return Err(HistoryError::down("nobody is at home"));
        }
        self.allowed.acquire().await.unwrap().forget();
        self.log.page(after, limit).await
    }
}
