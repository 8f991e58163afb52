//! What would happen?

use annals_core::ExecuteError;
use annals_testkit::Operation;

use crate::bank::{Account, Bank, Withdrawn, ann, version};

#[tokio::test]
async fn it_tells_the_events_and_writes_nothing() {
    let mut bank = Bank::open();
    bank.deposit(100).await;
    bank.another().deposit(50).await;
    bank.faults().reset_calls();

    let withdraw = |account: &Account| account.withdraw(150);
    let receipt = bank.journal.execute(&ann(), withdraw).dry_run().await;

    let receipt = receipt.expect("there are 150 cents, though the cache knows of 100");
    assert!(receipt.dry_run && !receipt.repeated);
    assert_eq!(receipt.events, [Withdrawn { cents: 150 }]);
    assert_eq!((receipt.version, receipt.event_ids.len()), (version(3), 0));
    assert_eq!(bank.faults().calls(Operation::Append), 0);
    assert_eq!(bank.stored().await.len(), 2);
    assert_eq!(bank.account().await.cents, 150, "and no cached state was changed");
}

#[tokio::test]
async fn it_leaves_an_idempotency_key_free() {
    let bank = Bank::open();
    let deposit = |account: &Account| account.deposit(100);
    let dry = bank.journal.execute(&ann(), deposit).idempotency_key("k").dry_run().await;
    assert!(dry.expect("never refused").dry_run);
    let wet = bank.journal.execute(&ann(), deposit).idempotency_key("k").await;
    assert!(!wet.expect("never refused").repeated);
}

#[tokio::test]
async fn it_is_refused_for_what_the_real_one_would_be() {
    let bank = Bank::open();
    let refused = bank.journal.execute(&ann(), |account: &Account| account.withdraw(1));
    assert!(matches!(refused.dry_run().await, Err(ExecuteError::Domain(_))));
    // The schema wants deposits of one cent at least.
    let invalid = bank.journal.execute(&ann(), |account: &Account| account.deposit(0));
    let invalid = invalid.dry_run().await;
    assert!(matches!(invalid, Err(ExecuteError::Schema(_))), "{invalid:?}");
}
