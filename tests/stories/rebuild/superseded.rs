//! A program that has been superseded is asked to rebuild: it must not take the read model back.

use std::time::Duration;

use annals::{ProjectionError, RebuildError, RunState};

use crate::homes::{Home, counter, deposit, quick, until};

counter!(first: "sums", "sums", version 1, n += 1);
counter!(second: "sums", "sums", version 2, n += 1000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_never_takes_the_read_model_back() {
    Home::each(|home| async move {
        let old = home.program().await.project(first::P).engine_options(quick());
        let old = old.start().await.unwrap();
        let position = deposit(&old, 1, 30).await;
        old.wait_for(position, Duration::from_secs(20)).await.unwrap();

        // The newer program fails in the middle of building.
        second::arm(true);
        let new = home.program().await.project(second::P).engine_options(quick());
        let new = new.start().await.unwrap();
        until(&new, |status| status.state == RunState::Failed).await;
        let error = old.rebuild::<first::P>().await.unwrap_err();
        let RebuildError::Projection(ProjectionError::BeingReplaced { building: 2, .. }) = &error
        else {
            panic!("{error}");
        };
        assert!(error.to_string().contains("version 2"), "{error}");

        second::arm(false);
        until(&new, |status| status.state == RunState::Live).await;
        let error = old.rebuild::<first::P>().await.unwrap_err();
        let RebuildError::Projection(ProjectionError::Superseded { active: 2, .. }) = &error else {
            panic!("{error}");
        };
        assert!(error.to_string().contains("version 2"), "{error}");
        let row = new.read::<second::Row>().after(position).get(&1).await.unwrap().unwrap();
        assert_eq!(row.n, 30_000, "{}", home.name());
        new.shutdown().await;
        old.shutdown().await;
    })
    .await;
}
