//! Whatever passes never compensates, wherever it comes; a refusal always does, wherever it comes.

use std::sync::Arc;
use std::time::Duration;

use annals::store::StoreError;
use annals::{Annals, MemoryStore, StreamId, StreamVersion};
use annals_testkit::{FaultyStore, Operation};
use annals_tests::shop::{Checkout, ShopEvent};

use super::checkout::{place, stock, told};
use crate::homes::quick;

/// How an order goes on the way of which something fails: by the `nth` call of an operation from its placing on.
async fn order(fault: impl Fn(&annals_testkit::Faults), buyer: &str, pieces: i64) -> Vec<String> {
    let store = FaultyStore::new(Arc::new(MemoryStore::default()));
    let faults = store.faults().clone();
    let shop = Annals::on(store).events::<ShopEvent>().saga::<Checkout>().engine_options(quick());
    let shop = shop.start().await.expect("it starts");
    if pieces > 0 {
        stock(&shop, pieces).await;
    }
    place(&shop, "1", buyer).await;
    fault(&faults);
    let told = tokio::time::timeout(Duration::from_secs(20), told(&shop, 1)).await;
    let mut told = told.expect("it ends").split_off(usize::from(pieces > 0));
    shop.shutdown().await;
    told.sort();
    told
}

fn conflict() -> StoreError {
    StoreError::Conflict {
        stream: StreamId::parse("product-tea").expect("a name"),
        expected: annals::ExpectedVersion::NoStream,
        actual: StreamVersion::new(7),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_never_compensates_and_a_refusal_always_does() {
    let done = |buyer: &str| {
        let account = format!("account-{buyer} shop.charged");
        vec![
            account,
            "order-1 shop.confirmed".to_owned(),
            "order-1 shop.placed".to_owned(),
            "product-tea shop.reserved".to_owned(),
        ]
    };
    let refused = |buyer| order(|_| {}, buyer, 1);
    let poor = refused("poor").await;
    assert_eq!(
        poor,
        ["order-1 shop.placed", "product-tea shop.released", "product-tea shop.reserved"]
    );
    let sold_out = order(|_| {}, "ada", 0).await;
    assert_eq!(
        sold_out,
        ["account-ada shop.charged", "account-ada shop.refunded", "order-1 shop.placed"]
    );
    for operation in [
        Operation::Append,
        Operation::Transact,
        Operation::Command,
        Operation::ReadStream,
        Operation::Checkpoint,
    ] {
        for nth in 1..=6 {
            type Fault = fn(&annals_testkit::Faults, Operation, u64);
            let kinds: [(&str, Fault); 4] = [
                ("a request is lost", |faults, on, nth| faults.lose_request(on, nth)),
                ("a reply is lost", |faults, on, nth| faults.lose_reply(on, nth)),
                ("the store is closed", |faults, on, nth| {
                    faults.fail_next(on, nth, StoreError::Closed)
                }),
                ("others were faster", |faults, on, nth| faults.fail_next(on, nth, conflict())),
            ];
            for (kind, fault) in kinds {
                let at = |faults: &_| fault(faults, operation, nth);
                let which = format!("{kind} at the {nth}th {operation:?}");
                assert_eq!(order(at, "ada", 1).await, done("ada"), "{which}");
                assert_eq!(order(at, "poor", 1).await, poor, "{which}, and the card is refused");
                assert_eq!(order(at, "ada", 0).await, sold_out, "{which}, and it is sold out");
            }
        }
    }
}
