//! The round that every member makes: what is there, who is alive, what is its share; and then it
//! takes, lets go, and tells what it has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;
use annals_core::store::{StoreError, TransactExt};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::anew::MakingAnew;
use super::claim::note;
use super::heart::Heart;
use super::view::View;
use crate::consume::{Consumer, Doing, Handler};
use crate::context::Context;
use crate::error::ConsumeError;
use crate::records::{DONE, PartitionId, PartitionRecord};
use crate::stop::Stop;
use crate::worker::{Anew, Left, Report};

/// How soon a member looks again that waits for others to let go.
const WAITING: Duration = Duration::from_millis(200);

/// For how long a partition is left alone that could not be run here.
const REFUSED: Duration = Duration::from_secs(5);

pub(crate) struct Sweeper {
    pub(super) context: Arc<Context>,
    pub(super) consumers: BTreeMap<Arc<str>, Consumer>,
    pub(super) heart: Heart,
    pub(super) stop: Stop,
    /// Told when there is something to look at.
    pub(super) woken: Arc<Notify>,
    pub(super) running: BTreeMap<PartitionId, Running>,
    /// What could not be run here, and until when it is left alone.
    pub(super) refused: BTreeMap<PartitionId, Instant>,
    pub(super) jobs: BTreeMap<Uuid, JoinHandle<Result<String, String>>>,
    /// Keys that are being made anew, by request.
    pub(super) anew: BTreeMap<Uuid, MakingAnew>,
    pub(super) reports: watch::Sender<BTreeMap<PartitionId, watch::Receiver<Report>>>,
    /// When the gauges are written again.
    pub(super) measure_at: Instant,
    /// When it looks for what may be forgotten.
    retain_at: Instant,
}

/// A partition that this member works on.
pub(crate) struct Running {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) token: u64,
    pub(super) partition: PartitionRecord,
    pub(super) stop: watch::Sender<bool>,
    pub(super) due: watch::Sender<Vec<String>>,
    pub(super) anew: mpsc::Sender<Anew>,
    pub(super) report: watch::Receiver<Report>,
    pub(super) task: JoinHandle<Left>,
    /// What was written of it last.
    pub(super) noted: Option<(&'static str, Option<String>)>,
}

impl Running {
    /// Breaks the work off, its transaction with it.
    pub(super) fn break_off(&self, id: &PartitionId) {
        self.task.abort();
        self.handler.doing(id, &Doing::Stopped);
    }
}

impl Sweeper {
    pub(crate) fn new(
        context: Arc<Context>,
        consumers: BTreeMap<Arc<str>, Consumer>,
        heart: Heart,
        stop: Stop,
        woken: Arc<Notify>,
        reports: watch::Sender<BTreeMap<PartitionId, watch::Receiver<Report>>>,
    ) -> Self {
        let (running, refused) = (BTreeMap::new(), BTreeMap::new());
        let (jobs, anew) = (BTreeMap::new(), BTreeMap::new());
        let measure_at = Instant::now();
        Self {
            context,
            consumers,
            heart,
            stop,
            woken,
            running,
            refused,
            jobs,
            anew,
            reports,
            measure_at,
            retain_at: measure_at,
        }
    }

    /// Goes round until it is told to stop; then drains, lets go and leaves. Returns the consumers that
    /// had to be broken off.
    pub(crate) async fn run(mut self) -> BTreeSet<String> {
        let third = self.context.options.lease / 3;
        let mut pauses = self.context.pauses();
        tokio::select! {
            biased;
            () = self.stop.wait() => {}
            _ = self.heart.first() => {}
        }
        while !self.stop.is_set() {
            let (stop, out_of_touch) = (self.stop.clone(), self.heart.out_of_touch());
            // A store that says nothing must not keep it from either.
            let swept = tokio::select! {
                biased;
                () = stop.wait() => break,
                () = out_of_touch => None,
                swept = self.sweep() => Some(swept),
            };
            let pause = match swept {
                Some(Ok(true)) => WAITING.min(third),
                Some(Ok(false)) => third,
                Some(Err(error)) => {
                    tracing::warn!(%error, "what there is to do cannot be read");
                    pauses.next_pause().min(third)
                }
                None => {
                    self.break_off();
                    WAITING.min(third)
                }
            };
            let woken = self.woken.clone();
            tokio::select! {
                biased;
                () = self.stop.wait() => {}
                () = woken.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.leave().await
    }

    /// One round. Says whether others still have to let go of something for this member. It may be
    /// dropped in the middle: what it has taken and not begun is taken again.
    async fn sweep(&mut self) -> Result<bool, StoreError> {
        self.settle_ended().await;
        let requests = self.open_requests().await?;
        let Some(view) = self.look().await? else { return Ok(false) };
        self.drop_lost(&view);
        let waits = self.share(&view).await;
        self.tell(view.now).await?;
        self.tell_due(view.now).await?;
        self.requests(requests, &view).await?;
        if self.measure_at <= Instant::now() {
            self.measure_at = Instant::now() + self.context.options.lease / 3;
            // Gauges that are old are no reason to stop.
            if let Err(error) = self.measure(&view).await {
                tracing::debug!(%error, "the gauges cannot be written");
            }
        }
        if self.retain_at <= Instant::now() {
            let pause = self.retain(&view).await.inspect_err(|error| {
                tracing::debug!(%error, "what is old cannot be forgotten");
            });
            self.retain_at = Instant::now() + pause.unwrap_or(Duration::from_secs(60));
        }
        Ok(waits)
    }

    /// Where the partitions of a consumer stand that this member works on, with their generations.
    pub(super) fn positions(&self, consumer: &str) -> impl Iterator<Item = (u64, Position)> {
        let own = self.running.iter().filter(move |(id, _)| id.consumer == consumer);
        own.map(|(id, running)| (id.generation, running.report.borrow().position))
    }

    /// Breaks off the work on what others have taken meanwhile.
    fn drop_lost(&mut self, view: &View) {
        let me = self.context.me;
        let mine: BTreeMap<PartitionId, u64> = view
            .partitions
            .iter()
            .filter(|record| record.owner == Some(me))
            .map(|record| (record.id(), record.token))
            .collect();
        self.running.retain(|id, running| {
            let kept = mine.get(id) == Some(&running.token);
            if !kept {
                tracing::warn!(partition = %id, "somebody else has the partition now");
                running.break_off(id);
            }
            kept
        });
        self.publish();
    }

    /// Gives back what has come to an end.
    async fn settle_ended(&mut self) {
        let ended: Vec<_> = self
            .running
            .iter()
            .filter(|(_, running)| running.task.is_finished())
            .map(|(id, _)| id.clone())
            .collect();
        for id in ended {
            let Some(running) = self.running.remove(&id) else { continue };
            // It catches panics itself; that it was aborted is said where that was done.
            let left = running.task.await.unwrap_or(Left::Lost);
            self.settle(&id, running.token, left).await;
        }
        self.publish();
    }

    async fn settle(&mut self, id: &PartitionId, token: u64, left: Left) {
        let (state, reason) = match left {
            Left::Lost => return,
            Left::Stopped => (Doing::Stopped.as_str(), None),
            Left::Finished => (DONE, None),
            Left::Refused(error) => {
                self.refused.insert(id.clone(), Instant::now() + REFUSED);
                if let ConsumeError::Stop(_) = &error {
                    tracing::error!(partition = %id, %error, "a consumer cannot run here");
                }
                ("refused", Some(error.to_string()))
            }
        };
        let partition = id.clone();
        let noted = self.context.stores.work().transact_with(move |transaction| {
            let (partition, reason) = (partition.clone(), reason.clone());
            Box::pin(async move {
                let said = (state, reason.as_deref());
                note(transaction, &partition, (token, None), said).await
            })
        });
        if let Err(error) = noted.await {
            // Others take it over when this member is gone; this one takes it again.
            tracing::warn!(partition = %id, %error, "a partition cannot be given back");
        }
    }

    /// Breaks off what has effects outside of the store when this member cannot tell any more whether
    /// others count it as dead. Everything else is kept from harm by its fences.
    fn break_off(&mut self) {
        if self.running.is_empty() {
            return;
        }
        tracing::error!("no sign of life was written for as long as the lease lasts");
        for (id, running) in &self.running {
            running.break_off(id);
        }
        self.running.clear();
        self.publish();
    }

    pub(super) fn publish(&self) {
        let known = |(id, running): (&PartitionId, &Running)| (id.clone(), running.report.clone());
        self.reports.send_replace(self.running.iter().map(known).collect());
    }

    async fn leave(&mut self) -> BTreeSet<String> {
        self.heart.stopping();
        let deadline = Instant::now() + self.context.options.stop_within;
        let (out_of_touch, woken) = (self.heart.out_of_touch(), self.woken.clone());
        // What has ended is given back at once: nobody has to wait for what takes longer.
        let drained = async {
            loop {
                self.settle_ended().await;
                if self.running.is_empty() {
                    return;
                }
                woken.notified().await;
            }
        };
        tokio::select! {
            biased;
            () = drained => {}
            // Others may count this member as dead before the time for the stop is over.
            () = out_of_touch => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
        let mut broken_off = BTreeSet::new();
        for (id, running) in std::mem::take(&mut self.running) {
            let left = if running.task.is_finished() {
                running.task.await.unwrap_or(Left::Lost)
            } else {
                running.break_off(&id);
                tracing::warn!(partition = %id, "the work on a partition was broken off");
                broken_off.insert(id.consumer.clone());
                Left::Stopped
            };
            let given_back = self.settle(&id, running.token, left);
            if tokio::time::timeout_at(deadline + WAITING, given_back).await.is_err() {
                tracing::warn!(partition = %id, "a partition was not given back in time");
            }
        }
        self.publish();
        let gone = self.heart.stop();
        if tokio::time::timeout_at(deadline + WAITING, gone).await.is_err() {
            tracing::warn!("this member could not say that it is gone");
        }
        broken_off
    }
}
