//! A newer program has switched the read model to other columns: whoever still asks for the old ones
//! is told, on every store, for as long as it runs; nobody reads a column as its own name.

use std::time::Duration;

use annals::{ReadError, RunState};

use crate::homes::{Home, counter, deposit, quick, until};

counter!(old: "people", "people", version 1, name += 1);
counter!(new: "people", "people", version 2, full_name += 1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reader_is_told() {
    Home::each(|home| async move {
        let before = home.program().await.project(old::P).engine_options(quick());
        let before = before.start().await.unwrap();
        let reader = home.program().await.start().await.unwrap();
        let position = deposit(&before, 1, 5).await;
        before.wait_for(position, Duration::from_secs(20)).await.unwrap();
        assert_eq!(reader.read::<old::Row>().get(&1).await.unwrap().unwrap().name, 5);

        let after = home.program().await.project(new::P).engine_options(quick());
        let after = after.start().await.unwrap();
        until(&after, |status| status.state == RunState::Live).await;
        for program in [&before, &reader] {
            let told = |error: ReadError| matches!(error, ReadError::Superseded { active: 2, .. });
            // Within a moment, and then for good.
            while program.read::<old::Row>().get(&1).await.is_ok() {
                tokio::task::yield_now().await;
            }
            let got = program.read::<old::Row>().get(&1).await;
            assert!(told(got.unwrap_err()), "{}", home.name());
            let list = program.read::<old::Row>().filter(old::Row::NAME.equals(5)).list().await;
            assert!(told(list.unwrap_err()), "{}", home.name());
            let all = program.read::<old::Row>().all().await;
            assert!(told(all.unwrap_err()), "{}", home.name());
            let error = program.read::<old::Row>().count().await.unwrap_err();
            assert!(error.to_string().contains("version 2 of `people` is active"), "{error}");
        }
        // Who reads the new columns reads them, also without keeping them.
        assert_eq!(reader.read::<new::Row>().get(&1).await.unwrap().unwrap().full_name, 5);
        let position = deposit(&before, 1, 1).await;
        let row = after.read::<new::Row>().after(position).get(&1).await.unwrap().unwrap();
        assert_eq!(row.full_name, 6);
        after.shutdown().await;
        before.shutdown().await;
    })
    .await;
}

counter!(one: "same", "same", version 1, n += 1);
counter!(two: "same", "same", version 2, n += 2);

/// With the same columns the old program goes on reading, and its own writes as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_columns_go_on_being_read() {
    Home::each(|home| async move {
        let before = home.program().await.project(one::P).engine_options(quick());
        let before = before.start().await.unwrap();
        deposit(&before, 1, 5).await;
        let after = home.program().await.project(two::P).engine_options(quick());
        let after = after.start().await.unwrap();
        until(&after, |status| status.state == RunState::Live).await;
        let position = deposit(&before, 1, 1).await;
        let read = before.read::<one::Row>().timeout(Duration::from_secs(30)).after(position);
        assert_eq!(read.get(&1).await.unwrap().unwrap().n, 12, "{}", home.name());
        after.shutdown().await;
        before.shutdown().await;
    })
    .await;
}
