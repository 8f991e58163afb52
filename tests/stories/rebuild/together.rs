//! Several programs start with a raised version, or rebuild, at once.

use std::time::Duration;

use annals::{Annals, RunState};

use crate::homes::{Home, counter, deposit, quick, until};

counter!(first: "shared", "shared", version 1, n += 1);
counter!(second: "shared", "shared", version 2, n += 10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_programs_start_with_a_raised_version() {
    for inline in [true, false] {
        Home::each(|home| async move {
            let old = home.program().await.project_inline(first::P).start().await.unwrap();
            for account in 0..3 {
                deposit(&old, account, 10).await;
            }
            old.shutdown().await;
            drop(old);
            let starts = (0..4).map(|_| {
                let home = home.clone();
                tokio::spawn(async move {
                    let builder = home.program().await.engine_options(quick());
                    let builder = match inline {
                        true => builder.project_inline(second::P),
                        false => builder.project(second::P),
                    };
                    builder.start().await
                })
            });
            let starts: Vec<_> = starts.collect();
            let mut programs: Vec<Annals> = Vec::new();
            for start in starts {
                programs.push(start.await.unwrap().expect("every one of them starts"));
            }
            let position = deposit(&programs[3], 1, 1).await;
            for program in &programs {
                until(program, |status| status.state == RunState::Live).await;
                let read = program.read::<second::Row>().timeout(Duration::from_secs(20));
                let rows = read.after(position).list().await.unwrap();
                let sums: Vec<i64> = rows.iter().map(|row| row.n).collect();
                assert_eq!(sums, [100, 110, 100], "{}", home.name());
                assert!(program.shutdown().await.is_empty());
            }
        })
        .await;
    }
}

counter!(fresh: "fresh", "fresh", version 1, n += 1);

/// On a store that has nothing yet: migrations, tables and views are made once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_programs_start_on_an_empty_store() {
    for inline in [true, false] {
        Home::each(|home| async move {
            let starts = (0..4).map(|_| {
                let home = home.clone();
                tokio::spawn(async move {
                    let builder = home.program().await.engine_options(quick());
                    let builder = match inline {
                        true => builder.project_inline(fresh::P),
                        false => builder.project(fresh::P),
                    };
                    builder.start().await
                })
            });
            let starts: Vec<_> = starts.collect();
            let mut programs: Vec<Annals> = Vec::new();
            for start in starts {
                programs.push(start.await.unwrap().expect("every one of them starts"));
            }
            let mut position = annals::Position::START;
            for program in &programs {
                position = deposit(program, 1, 5).await;
            }
            for program in &programs {
                let read = program.read::<fresh::Row>().timeout(Duration::from_secs(20));
                let row = read.after(position).get(&1).await.unwrap().unwrap();
                assert_eq!(row.n, 20, "{}", home.name());
                program.shutdown().await;
            }
        })
        .await;
    }
}

counter!(twice: "twice", "twice", version 1, n += 1);

/// Neither is told that another worker moved on: both are done when it is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_rebuild_at_once() {
    Home::each(|home| async move {
        let mut programs = Vec::new();
        for _ in 0..2 {
            let program = home.program().await.project(twice::P).engine_options(quick());
            programs.push(program.start().await.unwrap());
        }
        let position = deposit(&programs[0], 1, 200).await;
        for program in &programs {
            program.wait_for(position, Duration::from_secs(20)).await.unwrap();
        }
        let (a, b) = (programs[0].rebuild::<twice::P>(), programs[1].rebuild::<twice::P>());
        for handle in [a, b] {
            let done = handle.await.expect("the rebuild is done");
            assert!(done.done, "{done:?}");
        }
        let position = deposit(&programs[1], 1, 1).await;
        for program in &programs {
            let read = program.read::<twice::Row>().timeout(Duration::from_secs(20));
            assert_eq!(read.after(position).get(&1).await.unwrap().unwrap().n, 201);
            program.shutdown().await;
        }
    })
    .await;
}
