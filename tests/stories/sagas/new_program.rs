//! A program with a changed saga comes while a thousand instances are on their way: they go on as they were begun,
//! new ones go the new way, and none is left alone.

use std::sync::Arc;
use std::time::Duration;

use annals::prelude::*;
use annals::sagas::{Census, Commands, Correlation, Flow, Saga, Strays};
use annals::{Annals, EngineOptions};
use annals_tests::desk::{Close, DeskEvent, Note, Remind};

use super::desk::{events, happens, parked, tasks, until};
use crate::homes::{Home, quick};

/// Reminds of a task when it is finished; the new program notes it when it is opened, and closes it in the end.
macro_rules! desk {
    ($saga:ident, version $version:literal, |$flow:ident, $state:ident| $opened:block, $finished:block) => {
        #[derive(Default)]
        struct $saga {
            task: String,
            notes: bool,
        }

        impl Saga for $saga {
            type Event = DeskEvent;
            const NAME: &'static str = "reminders";
            const VERSION: u32 = $version;
            const WITHIN: Duration = Duration::from_secs(3600);
            const PARTITIONS: u32 = 4;
            const STRAYS: Strays = Strays::PassBy;

            fn commands() -> Commands {
                Commands::of::<Remind>().and::<Close>().and::<Note>()
            }

            fn correlate(event: &Recorded<DeskEvent>) -> Vec<Correlation> {
                match &event.data {
                    DeskEvent::Opened { .. } => vec![Correlation::start(event.stream.id())],
                    DeskEvent::Finished => vec![Correlation::continues(event.stream.id())],
                    _ => vec![],
                }
            }

            fn on(&mut self, event: &Recorded<DeskEvent>, $flow: &mut Flow) {
                let $state = self;
                match &event.data {
                    DeskEvent::Opened { .. } => {
                        event.stream.id().clone_into(&mut $state.task);
                        $opened
                    }
                    DeskEvent::Finished => {
                        $finished
                        $flow.complete();
                    }
                    _ => {}
                }
            }
        }
    };
}

desk!(Old, version 1, |flow, state| {}, {
    assert!(!state.notes, "it knows no notes");
    flow.send(&state.task, &Remind);
});
desk!(New, version 2, |flow, state| {
    if flow.patched("notes") {
        state.notes = true;
        flow.send(&state.task, &Note);
    }
}, {
    match state.notes {
        true => flow.send(&state.task, &Close),
        false => flow.send(&state.task, &Remind),
    };
});

async fn program<S: Saga>(home: &Home) -> Annals {
    let builder = Annals::on_shared(home.store().await).events::<DeskEvent>().saga::<S>();
    let options = EngineOptions { page_events: 500, ..quick() };
    builder.engine_options(options).start().await.expect("it starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_instances_go_on() {
    Home::each(async |home: Arc<Home>| {
        let old = program::<Old>(&home).await;
        let opened = DeskEvent::Opened { due_in_ms: 0 };
        happens(&old, &tasks(0..700), &opened).await;
        let census = async |desk: &Annals| {
            Census::of(&**desk.stores().work(), "reminders").await.expect("readable")
        };
        while census(&old).await.count("running") < 700 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The rest is on its way to both programs.
        happens(&old, &tasks(700..1_000), &opened).await;
        let new = program::<New>(&home).await;
        happens(&new, &tasks(1_000..1_100), &opened).await;
        old.shutdown().await;
        happens(&new, &tasks(0..1_100), &DeskEvent::Finished).await;
        let ends = until(&new, &["desk.reminded", "desk.closed"], 1_100).await;
        assert!(ends.len() == 1_100 && ends.values().all(|times| *times == 1));
        while census(&new).await.count("completed") < 1_100 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(census(&new).await.open(), 0);
        assert_eq!(parked(&new).await, []);
        // Whoever was noted at the beginning is closed, all others are reminded of.
        let streams = async |what| {
            let events = events(&new, &[what]).await;
            let mut streams: Vec<_> = events.iter().map(|event| event.stream.to_string()).collect();
            streams.sort();
            streams
        };
        assert_eq!(streams("desk.noted").await, streams("desk.closed").await);
        let reminded = streams("desk.reminded").await.len();
        assert!((700..=1_000).contains(&reminded), "{reminded} were begun by the old program");
        // Nobody waits for this, and that is no matter: what comes behind it is told.
        happens(&new, &tasks(0..50), &DeskEvent::Finished).await;
        let noted = events(&new, &["desk.noted"]).await.len();
        happens(&new, &tasks(2_000..2_050), &opened).await;
        until(&new, &["desk.noted"], noted + 50).await;
        assert_eq!(parked(&new).await, []);
        new.shutdown().await;
    })
    .await;
}
