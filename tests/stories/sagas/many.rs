//! One event that concerns a hundred instances, of which one fails, one never began and one has ended.

use std::sync::Arc;
use std::time::Duration;

use annals::sagas::Census;
use annals_tests::desk::{BROKEN, DeskEvent};

use super::desk::{desk, happens, parked, tasks, until};
use crate::homes::Home;

const HOUR_MS: u64 = 3_600_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_holds_nobody_up() {
    Home::each(async |home: Arc<Home>| {
        // A name of its own for each home: the fault is the program's, and there is one.
        let broken = format!("broken-{}", home.name());
        BROKEN.lock().expect("no panic").insert(broken.clone());
        let first = desk(&home).await.start().await.expect("it starts");
        let second = desk(&home).await.start().await.expect("it starts");
        let mut streams = tasks(0..98);
        streams.push(format!("task-{broken}"));
        happens(&first, &streams, &DeskEvent::Opened { due_in_ms: HOUR_MS }).await;
        happens(&first, &["task-ended".to_owned()], &DeskEvent::Opened { due_in_ms: HOUR_MS })
            .await;
        happens(&first, &["task-ended".to_owned()], &DeskEvent::Finished).await;
        until(&first, &["desk.closed"], 1).await;
        let mut mentioned: Vec<String> = (0..98).map(|number| number.to_string()).collect();
        mentioned.extend([broken.clone(), "never".to_owned(), "ended".to_owned()]);
        let mention = DeskEvent::Mentioned { tasks: mentioned };
        for _ in 0..3 {
            happens(&second, &["talk-1".to_owned()], &mention).await;
        }
        let noted = until(&first, &["desk.noted"], 3 * 98).await;
        assert_eq!(noted.len(), 98, "{noted:?}");
        assert!(noted.values().all(|times| *times == 3), "{noted:?}");
        while parked(&first).await.iter().map(|(_, events)| events).sum::<u64>() < 9 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let waiting = parked(&first).await;
        let expected = [
            (broken.clone(), 3),
            ("ended (strays)".to_owned(), 3),
            ("never (strays)".to_owned(), 3),
        ];
        assert!(
            expected.iter().all(|key| waiting.contains(key)) && waiting.len() == 3,
            "{waiting:?}"
        );
        // What comes later to the one that has failed waits behind that; the others go on.
        happens(&first, &["task-5".to_owned(), format!("task-{broken}")], &DeskEvent::Finished)
            .await;
        let closed = until(&first, &["desk.closed"], 2).await;
        assert!(closed.contains_key("task-5"), "{closed:?}");
        // The program is mended.
        BROKEN.lock().expect("no panic").remove(&broken);
        let stream = format!("task-{broken}");
        let closed = until(&first, &["desk.closed"], 3).await;
        assert!(closed.contains_key(&stream), "{closed:?}");
        let noted = until(&first, &["desk.noted"], 3 * 99).await;
        assert_eq!((noted.len(), noted[&stream]), (99, 3), "{noted:?}");
        let census =
            async || Census::of(&**first.stores().work(), "reminders").await.expect("readable");
        while census().await.count("completed") < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(census().await.open(), 97, "{:?}", census().await);
        first.shutdown().await;
        second.shutdown().await;
    })
    .await;
}
