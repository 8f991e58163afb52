//! Programs that start at the same moment and find no file yet.

use std::time::Duration;

use annals::{SqliteOptions, SqliteStore, Synchronous};

/// SQLite refuses at once where both could wait for ever, in about one of a hundred rounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_of_six_is_refused() {
    let story = async {
        for round in 0..300 {
            let directory = tempfile::tempdir().unwrap();
            let file = SqliteOptions::new(directory.path().join("new.db"));
            let file = file.synchronous(Synchronous::Normal);
            let opening: Vec<_> =
                (0..6).map(|_| tokio::spawn(SqliteStore::open_with(file.clone()))).collect();
            for opened in opening {
                let opened = opened.await.unwrap();
                opened.unwrap_or_else(|error| panic!("round {round}: {error}")).close().await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), story).await.expect("it does not hang");
}
