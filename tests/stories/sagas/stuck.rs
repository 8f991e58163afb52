//! What cannot be undone is seen, waits for a person, and never counts as done.

use std::sync::Arc;
use std::time::Duration;

use annals::Annals;
use annals::sagas::ops::{self, Shown, SteerError};
use annals::sagas::{Phase, Steer};

use super::checkout::{place, shop, stock, told};
use crate::homes::{Home, quick};

/// The only instance that has not ended, once it stands as it should.
async fn open(shop: &Annals, phase: &str, steps: u64) -> Shown {
    loop {
        let stores = shop.stores();
        let open = ops::open((&**stores.log(), &**stores.work()), "checkout", 10).await;
        let mut open = open.expect("it can be read");
        if let Some(shown) = open.pop()
            && shown.ledger.phase().as_str() == phase
            && shown.ledger.steps() > steps
        {
            assert!(open.is_empty(), "there is one");
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_retries_and_resolves_what_cannot_be_undone() {
    Home::each(async |home: Arc<Home>| {
        let shop = shop(&home, quick()).await;
        stock(&shop, 1).await;
        place(&shop, "1", "stingy").await;
        let stuck = open(&shop, "stuck", 0).await;
        let Phase::Stuck { refusal, .. } = stuck.ledger.phase() else {
            unreachable!("it is stuck")
        };
        assert_eq!(refusal, "the bank takes nothing back");
        assert_eq!(stuck.ledger.waits_for().count(), 0);
        assert_eq!(stuck.ledger.deadlines().len(), 1, "it is brought to mind: {stuck:?}");
        let by = || "ada".to_owned();
        let say = async |steer| ops::steer(shop.journal(), "checkout", "1", steer).await;
        say(Steer::Retry { by: by() }).await.expect("it is stuck");
        let again = open(&shop, "stuck", stuck.ledger.steps()).await;
        let reason = "a test".to_owned();
        let refused = say(Steer::Cancel { by: by(), reason }).await.expect_err("it is too late");
        assert!(matches!(&refused, SteerError::Refused(why) if why.contains("stuck")), "{refused}");
        say(Steer::Resolve { by: by(), note: "paid by hand".to_owned() })
            .await
            .expect("it is stuck");
        let told = told(&shop, 1).await;
        assert!(told.contains(&"product-tea shop.released".to_owned()), "{told:?}");
        let stores = shop.stores();
        let ended = ops::show(&**stores.log(), "checkout", "1").await.expect("it can be read");
        let ended = ended.expect("it is there");
        assert_eq!(ended.ledger.phase().as_str(), "compensated");
        assert!(ended.ledger.deadlines().is_empty() && ended.ledger.steps() > again.ledger.steps());
        let refused = say(Steer::Retry { by: by() }).await.expect_err("it has ended");
        assert!(refused.to_string().contains("compensated"), "{refused}");
        shop.shutdown().await;
    })
    .await;
}
