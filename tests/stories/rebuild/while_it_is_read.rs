//! A long report on a read model keeps a rebuild waiting, and nobody else.

use std::time::{Duration, Instant};

use annals::Status;

use crate::homes::{Home, counter, deposit, quick, until};
use crate::postgres::place::Place;

counter!(read: "reported", "reported", version 1, n += 1);

/// On PostgreSQL, where a view cannot be replaced while it is being read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_readers_nor_inline_appends_wait_with_it() {
    let story = async {
        let home = Home::Postgres(Place::shared().await);
        let Home::Postgres(place) = &home else { unreachable!("it was made above") };
        let annals = home.program().await.project_inline(read::P).engine_options(quick());
        let annals = annals.start().await.unwrap();
        deposit(&annals, 1, 20).await;

        let report = place.client().await;
        let sql = format!("BEGIN; SELECT count(*) FROM {}", place.name("reported"));
        report.batch_execute(&sql).await.unwrap();
        let rebuild = annals.rebuild::<read::P>();
        let waits = |status: &Status| {
            status.rebuild.as_ref().is_some_and(|rebuild| rebuild.waiting_for.is_some())
        };
        until(&annals, waits).await;
        let mut longest = Duration::ZERO;
        for _ in 0..20 {
            let begun = Instant::now();
            deposit(&annals, 1, 1).await;
            annals.read::<read::Row>().get(&1).await.unwrap();
            longest = longest.max(begun.elapsed());
        }
        assert!(longest < Duration::from_secs(5), "{longest:?}");
        report.batch_execute("COMMIT").await.unwrap();
        assert!(rebuild.await.unwrap().done);
        assert_eq!(annals.read::<read::Row>().get(&1).await.unwrap().unwrap().n, 40);
        annals.shutdown().await;
    };
    tokio::time::timeout(Duration::from_secs(60), story).await.expect("it does not hang");
}
