//! A hot aggregate costs one append and no read.

use annals_core::JournalOptions;
use annals_testkit::Operation::{Append, Command, ReadStream, Snapshot};

use crate::bank::{Account, Bank, ann};

#[tokio::test]
async fn a_hot_aggregate_costs_one_append_and_no_read() {
    let bank = Bank::open();
    bank.deposit(1).await;
    bank.faults().reset_calls();

    for n in 2..=11 {
        assert_eq!(bank.deposit(1).await.version.get(), n);
    }

    let faults = bank.faults();
    assert_eq!(faults.calls(Append), 10);
    for read in [ReadStream, Snapshot, Command] {
        assert_eq!(faults.calls(read), 0, "{read:?}");
    }
    assert_eq!(bank.account().await.cents, 11);
}

#[tokio::test]
async fn without_a_cache_each_command_reads() {
    let bank = Bank::with(|options| JournalOptions { cached_states: 0, ..options });
    bank.deposit(1).await;
    bank.faults().reset_calls();
    bank.deposit(1).await;
    bank.deposit(1).await;
    assert_eq!((bank.faults().calls(ReadStream), bank.faults().calls(Append)), (2, 2));
    assert_eq!(bank.account().await.cents, 3);
}

#[tokio::test]
async fn a_full_cache_lets_go_of_the_one_used_longest_ago() {
    let bank = Bank::with(|options| JournalOptions { cached_states: 2, ..options });
    let deposit = |account: &Account| account.deposit(1);
    let reads_for = async |id: &str| {
        bank.faults().reset_calls();
        bank.journal.execute(&id.to_owned(), deposit).await.expect("never refused");
        bank.faults().calls(ReadStream)
    };
    assert_eq!(reads_for("a").await, 1);
    assert_eq!(reads_for("b").await, 1);
    assert_eq!(reads_for("a").await, 0);
    assert_eq!(reads_for("c").await, 1, "and b goes");
    assert_eq!(reads_for("a").await, 0);
    assert_eq!(reads_for("b").await, 1);
    assert_eq!(bank.stored_in("account-a").await.len(), 3);
}

#[tokio::test]
async fn a_decision_that_panics_leaves_no_half_state() {
    let bank = std::sync::Arc::new(Bank::open());
    bank.deposit(1).await;
    let panicking = tokio::spawn({
        let bank = bank.clone();
        async move {
            let panics = |_: &Account| -> Result<Vec<_>, _> { panic!("a bug in the domain") };
            bank.journal.execute(&ann(), panics).await
        }
    });
    assert!(panicking.await.is_err());
    assert_eq!(bank.deposit(1).await.version.get(), 2);
    assert_eq!(bank.account().await.cents, 2);
}
