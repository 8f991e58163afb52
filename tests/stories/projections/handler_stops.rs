//! A handler that catches up stops between two events, and shows how far it is meanwhile.

use std::time::{Duration, Instant};

use annals::store::BoxError;
use annals::table::TableSpec;
use annals::{EngineOptions, EventHandler, HandlerTables, ReadModel, Recorded, async_trait};
use annals_tests::bank::AccountEvent;

use crate::homes::{Home, deposit, until};

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "patient")]
struct Count {
    #[key]
    account: u32,
    n: i64,
}

/// Takes 10 ms an event.
struct Patient;

#[async_trait]
impl EventHandler for Patient {
    type Event = AccountEvent;
    const NAME: &'static str = "patient";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        vec![Count::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<AccountEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        std::thread::sleep(Duration::from_millis(10));
        let account = event.aggregate_id()?;
        let n = tables.get::<Count>(&account).await?.map_or(0, |row| row.n) + 1;
        tables.put(&Count { account, n }).await
    }
}

/// All its events fit into one batch, which would take 30 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_two_events() {
    Home::each(|home| async move {
        let writer = home.program().await.start().await.unwrap();
        deposit(&writer, 1, 3_000).await;
        let options =
            EngineOptions { batch_time: Duration::from_millis(100), ..EngineOptions::default() };
        let builder = home.program().await.handle(Patient).engine_options(options);
        let annals = builder.start().await.unwrap();
        let status = until(&annals, |status| status.position.get() > 0).await;
        assert!(status.position.get() < 3_000, "it shows how far it is: {status:?}");

        let begun = Instant::now();
        assert!(annals.shutdown().await.is_empty(), "on {}", home.name());
        assert!(begun.elapsed() < Duration::from_secs(9), "it took {:?}", begun.elapsed());
        let position = annals.status().await.unwrap().remove(0).position;
        let counted = annals.read::<Count>().get(&1).await.unwrap().unwrap().n;
        assert_eq!(counted as u64, position.get(), "rows and checkpoint belong together");
        assert!(counted < 3_000);
    })
    .await;
}
