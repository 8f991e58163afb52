//! Commands at a time: sent once, over restarts, and called off by whoever is first.

use std::sync::Arc;
use std::time::Duration;

use annals::Annals;
use annals::sagas::{Commands, ScheduleError};
use annals_tests::desk::{Close, DeskEvent, Remind};
use annals_tests::random::{Random, seed};
use jiff::{SignedDuration, Timestamp};

use super::desk::until;
use crate::homes::{Home, quick};

async fn program(home: &Home) -> Annals {
    let builder =
        Annals::on_shared(home.store().await).events::<DeskEvent>().engine_options(quick());
    let known = Commands::of::<Remind>().and::<Close>();
    builder.schedules(known).start().await.expect("it starts")
}

fn soon(ms: u64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_millis(ms.cast_signed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_sent_once_or_called_off() {
    let seed = seed();
    Home::each(async |home: Arc<Home>| {
        let mut random = Random::new(seed);
        let bare = Annals::on_shared(home.store().await).start().await.expect("it starts");
        let nobody = bare.schedule("early", soon(0), &"1".to_owned(), &Remind).await;
        assert!(matches!(nobody, Err(ScheduleError::NobodySends)), "{nobody:?}");
        bare.shutdown().await;

        let first = program(&home).await;
        let at = soon(200);
        for _ in 0..2 {
            first
                .schedule("twice", at, &"twice".to_owned(), &Remind)
                .await
                .expect("it is the same");
        }
        let other = first.schedule("twice", at, &"twice".to_owned(), &Close).await;
        let Err(ScheduleError::Taken { command, .. }) = other else { panic!("{other:?}") };
        assert_eq!(command, "remind");
        let mut called_off = 0;
        for number in 0..100 {
            let name = format!("race-{number}");
            let at = soon(random.below(40));
            first.schedule(&name, at, &name, &Remind).await.expect("it is scheduled");
            tokio::time::sleep(Duration::from_millis(random.below(20))).await;
            // In time, or too late, and then it says so.
            called_off += usize::from(first.call_off(&name, "ann", "a test").await.is_ok());
        }
        println!("{}: {called_off} of 100 were called off before anybody knew better", home.name());
        first
            .schedule("later", soon(600), &"later".to_owned(), &Remind)
            .await
            .expect("it is there");
        first.shutdown().await;
        drop(first);
        tokio::time::sleep(Duration::from_millis(700)).await;
        let second = program(&home).await;
        let reminded = loop {
            let reminded = until(&second, &["desk.reminded"], 2 + 100 - called_off).await;
            if reminded.contains_key("task-later") && reminded.contains_key("task-twice") {
                break reminded;
            }
        };
        assert!(reminded.values().all(|times| *times == 1), "seed {seed}: {reminded:?}");
        let gone =
            second.call_off("nothing", "ann", "a test").await.expect_err("it was never there");
        assert!(gone.to_string().contains("no command is scheduled"), "{gone}");
        second.shutdown().await;
    })
    .await;
}
