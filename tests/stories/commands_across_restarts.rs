//! The same command again, after a restart and from another process, has its effect once.

use annals::store::StoreError;
use annals::{Annals, ExecuteError, SqliteStore, Timestamp};
use annals_tests::bank::{Account, AccountEvent};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_receipt_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("commands.db");
    let deposit = |account: &Account| account.deposit(100);

    let store = SqliteStore::open(&file).await.unwrap();
    let annals = Annals::on(store.clone()).start().await.unwrap();
    let first = annals.execute(&1, deposit).idempotency_key("payment 7").await.unwrap();
    assert!(!first.repeated);
    let nothing = annals
        .execute(&1, |_: &Account| Ok(Vec::<AccountEvent>::new()))
        .idempotency_key("nothing to do")
        .await
        .unwrap();
    annals.execute(&1, deposit).await.unwrap();
    drop(annals);
    store.close().await;

    let store = SqliteStore::open(&file).await.unwrap();
    let other_process = SqliteStore::open(&file).await.unwrap();
    for store in [&store, &other_process] {
        let annals = Annals::on(store.clone()).start().await.unwrap();
        let again = annals.execute(&1, deposit).idempotency_key("payment 7").await.unwrap();
        assert!(again.repeated);
        assert_eq!((again.version, again.position), (first.version, first.position));
        assert_eq!((&again.events, &again.event_ids), (&first.events, &first.event_ids));
        // A command that had nothing to do has nothing to do for ever.
        let again = annals.execute(&1, deposit).idempotency_key("nothing to do").await.unwrap();
        assert_eq!((again.version, again.events.len()), (nothing.version, 0));
        let elsewhere = annals.execute(&2, deposit).idempotency_key("payment 7").await.unwrap_err();
        let ExecuteError::Store(StoreError::KeyReused { first, .. }) = elsewhere else {
            panic!("{elsewhere}");
        };
        assert_eq!(first.as_str(), "account-1");
        assert_eq!(annals.load::<Account>(&1).await.unwrap().state.cents, 200);
    }

    // Sixteen at once, from two processes: one effect.
    let mut tasks = Vec::new();
    for n in 0..16 {
        let store = if n % 2 == 0 { store.clone() } else { other_process.clone() };
        tasks.push(tokio::spawn(async move {
            let annals = Annals::on(store).start().await.unwrap();
            let deposit = |account: &Account| account.deposit(1);
            annals.execute(&3, deposit).idempotency_key("once").await.unwrap().repeated
        }));
    }
    let mut effects = 0;
    for task in tasks {
        effects += u32::from(!task.await.unwrap());
    }
    assert_eq!(effects, 1);

    let annals = Annals::on(store).start().await.unwrap();
    assert_eq!(annals.load::<Account>(&3).await.unwrap().state.cents, 1);
    // Once forgotten, a key is new again.
    assert_eq!(annals.forget_commands(Timestamp::MAX).await.unwrap(), 3);
    assert!(!annals.execute(&3, deposit).idempotency_key("once").await.unwrap().repeated);
}
