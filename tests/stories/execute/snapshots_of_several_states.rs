//! Several states are folded from one stream; each has snapshots of its own, and a state that has
//! learned of an event does not take one that was folded without it.

use std::convert::Infallible;
use std::time::Duration;

use annals_core::store::SnapshotRecord;
use annals_core::{Aggregate, Apply, Event, Journal, StreamId};
use serde::{Deserialize, Serialize};

use super::stage::{Process, Stage, on_every_store};

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "till", crate = annals_core)]
enum TillEvent {
    Taken { cents: i64 },
    Returned { cents: i64 },
}

/// The part of it that an older program knows.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(name = "till.taken", crate = annals_core)]
struct Taken {
    cents: i64,
}

/// A state of one number.
macro_rules! state {
    ($vis:vis $state:ident, $event:ty, $snapshot:tt, |$n:ident, $e:ident| $apply:expr) => {
        #[derive(Aggregate, Default, Debug, PartialEq, Serialize, Deserialize)]
        #[aggregate(
            category = "till", id = u32, event = $event, error = Infallible, unknown = "skip",
            snapshot $snapshot, crate = annals_core
        )]
        $vis struct $state {
            n: i64,
        }

        impl Apply for $state {
            fn apply(&mut self, $e: &$event) {
                let $n = self.n;
                self.n = $apply;
            }
        }
    };
}

state!(Turnover, TillEvent, (every = 2), |n, event| match event {
    TillEvent::Taken { cents } => n + cents,
    TillEvent::Returned { cents } => n - cents,
});
state!(Events, TillEvent, (every = 2), |n, _event| n + 1);
// The program of yesterday, and that of today, which declares what yesterday's passed over.
state!(Yesterday, Taken, (every = 2, name = "balance"), |n, event| n + event.cents);
state!(Today, TillEvent, (every = 2, name = "balance"), |n, event| match event {
    TillEvent::Taken { cents } => n + cents,
    TillEvent::Returned { cents } => n - cents,
});

async fn execute(process: &Process, event: TillEvent) {
    let decision = move |_: &Turnover| Ok(event.clone());
    process.journal.execute(&1, decision).await.expect("never refused");
}

async fn n<A: Apply<Id = u32> + Into<i64>>(journal: &Journal) -> i64 {
    journal.load::<A>(&1).await.expect("it can be loaded").state.into()
}

macro_rules! number {
    ($($state:ident)*) => {
        $(impl From<$state> for i64 {
            fn from(state: $state) -> i64 {
                state.n
            }
        })*
    };
}
number!(Turnover Events Yesterday Today);

/// Waits until a snapshot is kept: they are written beside the work.
async fn kept(stage: &Stage, state: &str) -> SnapshotRecord {
    let stream = StreamId::parse("till-1").expect("a stream name");
    let kept = async {
        loop {
            let found = stage.store.snapshot(&stream, state).await;
            match found.expect("a snapshot can be read") {
                Some(snapshot) => return snapshot,
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), kept).await.expect("it is kept soon")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reads_its_own() {
    on_every_store(async |stage| {
        let process = stage.process(|options| options);
        for _ in 0..4 {
            execute(&process, TillEvent::Taken { cents: 100 }).await;
        }
        kept(stage, "turnover").await;
        // After a restart, without a cache.
        let process = stage.process(|options| options);
        assert_eq!(n::<Events>(&process.journal).await, 4, "{}", stage.name);
        assert_eq!(n::<Turnover>(&process.journal).await, 400, "{}", stage.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_new_to_a_state_is_not_missed() {
    on_every_store(async |stage| {
        let process = stage.process(|options| options);
        execute(&process, TillEvent::Taken { cents: 500 }).await;
        execute(&process, TillEvent::Returned { cents: 100 }).await;
        let old = |state: &Yesterday| {
            assert_eq!(state.n, 500, "it passes over what it does not know");
            Ok::<_, Infallible>([Taken { cents: 1 }, Taken { cents: 1 }])
        };
        process.journal.execute(&1, old).await.expect("never refused");
        let before = kept(stage, "balance").await;
        assert_eq!(before.state.as_str(), r#"{"n":502}"#);

        let process = stage.process(|options| options);
        assert_eq!(n::<Today>(&process.journal).await, 402, "{}", stage.name);
        let new = |_: &Today| Ok::<_, Infallible>(TillEvent::Taken { cents: 1 });
        process.journal.execute(&1, new).await.expect("never refused");
        assert_eq!(n::<Today>(&process.journal).await, 403, "{}", stage.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_claim_one_name_in_one_program_the_second_keeps_none() {
    mod other {
        use super::*;
        state!(pub(super) Turnover, TillEvent, (every = 1), |n, _event| n + 1);
        impl From<Turnover> for i64 {
            fn from(state: Turnover) -> i64 {
                state.n
            }
        }
    }
    on_every_store(async |stage| {
        let process = stage.process(|options| options);
        for _ in 0..2 {
            execute(&process, TillEvent::Taken { cents: 100 }).await;
        }
        kept(stage, "turnover").await;
        assert_eq!(n::<other::Turnover>(&process.journal).await, 2, "{}", stage.name);
        assert_eq!(n::<Turnover>(&process.journal).await, 200, "{}", stage.name);
    })
    .await;
}
