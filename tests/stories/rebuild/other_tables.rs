//! A raised version with other tables: one that is renamed, one that is no longer kept.

use std::time::Duration;

use annals::store::{BoxError, StoreError};
use annals::table::TableSpec;
use annals::{EventHandler, HandlerTables, ReadError, ReadModel, Recorded, RunState, async_trait};
use annals_tests::bank::AccountEvent;

use crate::homes::{Home, counter, deposit, quick, until};

counter!(first: "bal", "bal", version 1, n += 1);
counter!(second: "saldo", "bal", version 2, n += 2);
counter!(third: "bal", "bal", version 3, n += 3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_renamed_and_back() {
    Home::each(|home| async move {
        let old = home.program().await.project(first::P).start().await.unwrap();
        let position = deposit(&old, 1, 30).await;
        old.wait_for(position, Duration::from_secs(20)).await.unwrap();
        old.rebuild::<first::P>().await.unwrap();
        old.shutdown().await;

        let new = home.program().await.project(second::P).start().await.unwrap();
        let live = |status: &annals::Status| status.state == RunState::Live;
        until(&new, live).await;
        assert_eq!(new.read::<second::Row>().get(&1).await.unwrap().unwrap().n, 60);
        // The old name is free, and shows nothing.
        let gone = new.read::<first::Row>().get(&1).await.unwrap_err();
        assert!(matches!(gone, ReadError::Store(StoreError::NoSuchTable { .. })), "{gone}");
        new.shutdown().await;

        let newest = home.program().await.project(third::P).start().await.unwrap();
        until(&newest, live).await;
        assert_eq!(newest.read::<third::Row>().get(&1).await.unwrap().unwrap().n, 90);
        newest.shutdown().await;
    })
    .await;
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "kept")]
struct Kept {
    #[key]
    account: u32,
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "dropped")]
struct Dropped {
    #[key]
    account: u32,
}

struct Both;
struct One;

macro_rules! handler {
    ($name:ident, version $version:literal, $($row:ident),*) => {
        #[async_trait]
        impl EventHandler for $name {
            type Event = AccountEvent;
            const NAME: &'static str = "tables";
            const VERSION: u32 = $version;

            fn tables() -> Vec<TableSpec> {
                vec![$($row::table().clone()),*]
            }

            async fn handle(
                &self,
                event: &Recorded<AccountEvent>,
                tables: &mut HandlerTables<'_>,
            ) -> Result<(), BoxError> {
                let account = event.aggregate_id()?;
                $(tables.put(&$row { account }).await?;)*
                Ok(())
            }
        }
    };
}

handler!(Both, version 1, Kept, Dropped);
handler!(One, version 2, Kept);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_tables_is_given_up() {
    Home::each(|home| async move {
        let old = home.program().await.handle(Both).engine_options(quick()).start().await.unwrap();
        let position = deposit(&old, 1, 3).await;
        old.wait_for(position, Duration::from_secs(20)).await.unwrap();
        assert_eq!(old.read::<Dropped>().count().await.unwrap(), 1);
        old.shutdown().await;
        let new = home.program().await.handle(One).engine_options(quick()).start().await.unwrap();
        until(&new, |status| status.state == RunState::Live).await;
        assert_eq!(new.read::<Kept>().count().await.unwrap(), 1, "{}", home.name());
        assert!(new.read::<Dropped>().count().await.is_err());
        new.shutdown().await;
    })
    .await;
}
