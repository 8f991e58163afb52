//! A table belongs to one projection, whichever program runs it.

use std::time::Duration;

use annals::{ProjectionError, RunState, StartError};

use crate::homes::{Home, counter, deposit, quick, until};

counter!(sums: "sums", "sums", version 1, n += 1);
counter!(other: "sums", "sums_by_account", version 1, n += 100);
counter!(renamed: "sums", "sums_by_account", version 1, n += 1, formerly "sums");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_projection_is_not_started_on_it() {
    Home::each(|home| async move {
        let old = home.program().await.project(sums::P).engine_options(quick());
        let old = old.start().await.unwrap();
        let position = deposit(&old, 1, 51).await;
        old.wait_for(position, Duration::from_secs(20)).await.unwrap();
        old.rebuild::<sums::P>().await.unwrap();

        for inline in [false, true] {
            let builder = home.program().await;
            let builder = match inline {
                true => builder.project_inline(other::P),
                false => builder.project(other::P),
            };
            let refused = builder.start().await.unwrap_err();
            let StartError::Projection(ProjectionError::Owned { owner, .. }) = &refused else {
                panic!("{refused}");
            };
            assert_eq!(owner, "sums");
            let said = refused.to_string();
            assert!(said.contains("FORMERLY") && said.contains("`sums`"), "{said}");
        }
        let row = old.read::<sums::Row>().get(&1).await.unwrap().unwrap();
        assert_eq!(row.n, 51, "{}: nothing was wiped", home.name());
        let position = deposit(&old, 1, 1).await;
        let row = old.read::<sums::Row>().after(position).get(&1).await.unwrap().unwrap();
        assert_eq!(row.n, 52);
        old.shutdown().await;
    })
    .await;
}

/// It says what it was called, and goes on where it was; the old program is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_projection_takes_its_table_over() {
    Home::each(|home| async move {
        let old = home.program().await.project(sums::P).engine_options(quick());
        let old = old.start().await.unwrap();
        let position = deposit(&old, 1, 51).await;
        old.wait_for(position, Duration::from_secs(20)).await.unwrap();

        for times in 0..2 {
            let new = home.program().await.project(renamed::P).engine_options(quick());
            let new = new.start().await.unwrap();
            let position = deposit(&new, 1, 11).await;
            let row = new.read::<renamed::Row>().after(position).get(&1).await.unwrap().unwrap();
            assert_eq!(row.n, 51 + 11 * (times + 1), "{}", home.name());
            new.rebuild::<renamed::P>().await.unwrap();
            let row = new.read::<renamed::Row>().after(position).get(&1).await.unwrap().unwrap();
            assert_eq!(row.n, 51 + 11 * (times + 1), "{}", home.name());
            new.shutdown().await;
        }
        let failed = until(&old, |status| status.state == RunState::Failed).await;
        let why = failed.last_error.unwrap();
        assert!(why.contains("belongs to the projection `sums_by_account`"), "{why}");
        old.shutdown().await;
        let refused = home.program().await.project(sums::P).start().await.unwrap_err();
        assert!(refused.to_string().contains("sums_by_account"), "{refused}");
    })
    .await;
}

/// What was taken out of the program can be listed and dropped, and its name used again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_program_runs_is_dropped() {
    Home::each(|home| async move {
        let old = home.program().await.project(sums::P).start().await.unwrap();
        let position = deposit(&old, 1, 7).await;
        old.wait_for(position, Duration::from_secs(20)).await.unwrap();
        assert_eq!(old.orphans().await.unwrap(), []);
        let in_use = old.drop_orphan("sums").await.unwrap_err();
        assert!(matches!(in_use, ProjectionError::InUse { .. }), "{in_use}");
        old.shutdown().await;
        drop(old);

        let new = home.program().await.start().await.unwrap();
        let orphans = new.orphans().await.unwrap();
        let [orphan] = &orphans[..] else { panic!("{orphans:?}") };
        assert_eq!((&*orphan.projection, orphan.version), ("sums", Some(1)));
        assert_eq!(orphan.tables, ["sums"]);
        new.drop_orphan("sums").await.unwrap();
        assert_eq!(new.orphans().await.unwrap(), []);
        assert!(new.read::<sums::Row>().count().await.is_err(), "{}", home.name());

        let other = home.program().await.project(other::P).start().await.unwrap();
        let row = other.read::<other::Row>().after(position).get(&1).await.unwrap().unwrap();
        assert_eq!(row.n, 700);
        other.shutdown().await;
    })
    .await;
}
