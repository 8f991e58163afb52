//! The engine of a process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use annals_core::Position;
use annals_core::store::Stores;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::consume::{Consumer, Doing};
use crate::context::Context;
use crate::member::{Heart, Sweeper};
use crate::options::EngineOptions;
use crate::records::PartitionId;
use crate::stop::StopSource;
use crate::worker::Report;

/// Runs consumers, together with every other process on the same store that does. When it is dropped,
/// everything it has started stops.
pub struct Engine {
    me: Uuid,
    stop: StopSource,
    woken: Arc<Notify>,
    reports: watch::Receiver<BTreeMap<PartitionId, watch::Receiver<Report>>>,
    sweeping: Mutex<Option<JoinHandle<BTreeSet<String>>>>,
}

impl Engine {
    /// Starts. Partitions are taken as they are there; see [`partition`](crate::partition).
    ///
    /// Must be called within a Tokio runtime.
    pub fn start(stores: Stores, consumers: Vec<Consumer>, options: EngineOptions) -> Self {
        let context = Context::new(stores, options);
        let me = context.me;
        let declared: BTreeMap<&str, u32> =
            consumers.iter().map(|consumer| (&*consumer.name, consumer.version)).collect();
        // Names and numbers can always be written as JSON.
        let declared = serde_json::to_string(&declared).unwrap_or_default();
        let heart = Heart::start(context.clone(), declared);
        let (stop, woken) = (StopSource::default(), Arc::new(Notify::new()));
        let (told, reports) = watch::channel(BTreeMap::new());
        let by_name = consumers.into_iter().map(|consumer| (consumer.name.clone(), consumer));
        let sweeper =
            Sweeper::new(context, by_name.collect(), heart, stop.listen(), woken.clone(), told);
        let sweeping = Mutex::new(Some(tokio::spawn(sweeper.run())));
        Self { me, stop, woken, reports, sweeping }
    }

    /// Which member this is.
    pub fn member(&self) -> Uuid {
        self.me
    }

    /// Looks now what there is to do, and not only in the next round.
    pub fn look(&self) {
        self.woken.notify_one();
    }

    /// What has the engine look, for those who do not hold it.
    pub fn waker(&self) -> Waker {
        Waker(self.woken.clone())
    }

    /// What the partitions that this process works on are doing, and where their checkpoints stand.
    pub fn running(&self) -> BTreeMap<PartitionId, (Doing, Position)> {
        let reports = self.reports.borrow();
        let read = |(id, report): (&PartitionId, &watch::Receiver<Report>)| {
            let report = report.borrow();
            (id.clone(), (report.doing.clone(), report.position))
        };
        reports.iter().map(read).collect()
    }

    /// Stops: what was begun is written, every partition is given back, and this member leaves. What
    /// takes longer than [`stop_within`](EngineOptions::stop_within) is broken off, its transaction
    /// undone; the names of those consumers are returned. Nothing is lost.
    pub async fn stop(&self) -> BTreeSet<String> {
        self.stop.stop();
        let sweeping = self.sweeping.lock().unwrap_or_else(PoisonError::into_inner).take();
        match sweeping {
            // It catches panics of consumers itself.
            Some(sweeping) => sweeping.await.unwrap_or_default(),
            None => BTreeSet::new(),
        }
    }
}

/// Has an engine look what there is to do.
#[derive(Debug, Clone)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Looks now, and not only in the next round.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("member", &self.me).finish_non_exhaustive()
    }
}
