//! A projection or a handler that holds settings and a client of its own: the value the program was
//! built with is the one that folds, in every mode and in a rebuild.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use annals::prelude::*;
use annals::store::BoxError;
use annals::table::TableSpec;
use annals::{EventHandler, HandlerTables, async_trait};
use annals_tests::bank::AccountEvent;

use crate::homes::{Home, append, deposit, quick};

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "large_deposits")]
struct LargeDeposit {
    #[key]
    account: u32,
    count: i64,
}

/// Counts the deposits that are not smaller than `from`.
#[derive(Clone, Copy)]
struct LargeDeposits {
    from: i64,
}

impl Projection for LargeDeposits {
    type Event = AccountEvent;
    type Row = LargeDeposit;

    fn keys(&self, event: &Recorded<AccountEvent>) -> Keys<u32> {
        match event.data {
            AccountEvent::Deposited { cents } if cents >= self.from => event.aggregate_id().into(),
            _ => Keys::none(),
        }
    }

    fn fold(&self, account: &u32, row: &mut Option<LargeDeposit>, _: &Recorded<AccountEvent>) {
        row.get_or_insert(LargeDeposit { account: *account, count: 0 }).count += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_folds_with_its_settings() {
    for inline in [false, true] {
        Home::each(|home| async move {
            let large = LargeDeposits { from: 100 };
            let builder = home.program().await.engine_options(quick());
            let builder =
                if inline { builder.project_inline(large) } else { builder.project(large) };
            let annals = builder.start().await.unwrap();
            let deposits = [99, 100].map(|cents| AccountEvent::Deposited { cents });
            let last = append(&annals, 1, deposits.into()).await;
            let read = async || annals.read::<LargeDeposit>().after(last).get(&1).await.unwrap();

            assert_eq!(read().await.unwrap().count, 1, "on {}", home.name());
            annals.rebuild::<LargeDeposits>().await.unwrap();
            assert_eq!(read().await.unwrap().count, 1);
            let smaller = annals.live(LargeDeposits { from: 99 }).get(&1).await.unwrap();
            assert_eq!(smaller.unwrap().count, 2);
            annals.shutdown().await;
        })
        .await;
    }
}

/// Stands for a client of another service.
#[derive(Default)]
struct Rates(AtomicI64);

/// Notes the rate at the moment of every deposit.
struct Rated {
    rates: Arc<Rates>,
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "last_rates")]
struct LastRate {
    #[key]
    account: u32,
    rate: i64,
}

#[async_trait]
impl EventHandler for Rated {
    type Event = AccountEvent;
    const NAME: &'static str = "last_rates";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        vec![LastRate::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        let rate = self.rates.0.load(Ordering::SeqCst);
        tables.put(&LastRate { account: event.aggregate_id()?, rate }).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_asks_its_client() {
    Home::each(|home| async move {
        let rates = Arc::new(Rates::default());
        let handler = Rated { rates: rates.clone() };
        let annals = home.program().await.handle(handler).start().await.unwrap();
        rates.0.store(7, Ordering::SeqCst);
        let last = deposit(&annals, 1, 1).await;
        annals.wait_for(last, Duration::from_secs(20)).await.unwrap();
        let row = annals.read::<LastRate>().get(&1).await.unwrap();
        assert_eq!(row.unwrap().rate, 7, "on {}", home.name());
        annals.shutdown().await;
    })
    .await;
}
