//! The round that every member makes: what is there, who is alive, what is its share; and then it
//! takes, lets go, and tells what it has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;
use annals_core::store::{Fence, StoreError, TransactExt};
use annals_core::table::{Comparison, Condition, RowQuery, Value};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::claim::{claim, note};
use super::heart::Heart;
use super::lock::{bury, is_gone};
use crate::assign::{Slot, plan};
use crate::consume::{Consumer, Doing, Handler};
use crate::context::Context;
use crate::error::ConsumeError;
use crate::records::{
    ConsumerRecord, DONE, MemberRecord, ParkedKey, PartitionId, PartitionRecord, Record, list,
    remove,
};
use crate::stop::Stop;
use crate::worker::{Left, Report, Worker};

/// How soon a member looks again that waits for others to let go.
const WAITING: Duration = Duration::from_millis(200);

/// How long a member has to be dead until nobody wants to see it any more. One that comes back after all
/// is on the list again with its next sign of life.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(1);

/// For how long a partition is left alone that could not be run here.
const REFUSED: Duration = Duration::from_secs(5);

pub(crate) struct Sweeper {
    pub(super) context: Arc<Context>,
    pub(super) consumers: BTreeMap<Arc<str>, Consumer>,
    heart: Heart,
    stop: Stop,
    /// Told when there is something to look at.
    pub(super) woken: Arc<Notify>,
    running: BTreeMap<PartitionId, Running>,
    /// What could not be run here, and until when it is left alone.
    refused: BTreeMap<PartitionId, Instant>,
    pub(super) jobs: BTreeMap<Uuid, JoinHandle<Result<String, String>>>,
    reports: watch::Sender<BTreeMap<PartitionId, watch::Receiver<Report>>>,
    /// When the gauges are written again.
    measure_at: Instant,
}

/// A partition that this member works on.
pub(crate) struct Running {
    handler: Arc<dyn Handler>,
    token: u64,
    slices: std::ops::Range<u16>,
    stop: watch::Sender<bool>,
    due: watch::Sender<Vec<String>>,
    report: watch::Receiver<Report>,
    task: JoinHandle<Left>,
    /// What was written of it last.
    noted: Option<(&'static str, Option<String>)>,
}

/// What everybody sees.
pub(super) struct View {
    pub(super) now: Timestamp,
    members: Vec<MemberRecord>,
    pub(super) consumers: BTreeMap<String, ConsumerRecord>,
    /// Those that have not reached their end.
    pub(super) partitions: Vec<PartitionRecord>,
}

impl View {
    pub(super) fn is_alive(&self, id: Uuid) -> bool {
        self.members.iter().any(|member| member.id == id && member.expires_at > self.now)
    }

    /// How many members are alive.
    pub(super) fn living(&self) -> usize {
        self.members.iter().filter(|member| member.expires_at > self.now).count()
    }

    /// Who shares the partitions of a consumer: alive, with its handler at this version, and taking new
    /// work.
    fn sharers(&self, consumer: &str, version: u32) -> Vec<Uuid> {
        let has = |member: &&MemberRecord| {
            let consumers: Option<BTreeMap<String, u32>> =
                serde_json::from_str(&member.consumers.0).ok();
            consumers.is_some_and(|consumers| consumers.get(consumer) == Some(&version))
        };
        let members = self.members.iter();
        let takes =
            members.filter(|member| member.expires_at > self.now && !member.stopping).filter(has);
        takes.map(|member| member.id).collect()
    }
}

impl Running {
    /// Breaks the work off, its transaction with it.
    fn break_off(&self, id: &PartitionId) {
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
        let jobs = BTreeMap::new();
        let measure_at = Instant::now();
        Self { context, consumers, heart, stop, woken, running, refused, jobs, reports, measure_at }
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
        self.tell().await?;
        self.tell_due(view.now).await?;
        self.requests(requests, &view).await?;
        if self.measure_at <= Instant::now() {
            self.measure_at = Instant::now() + self.context.options.lease / 3;
            // Gauges that are old are no reason to stop.
            if let Err(error) = self.measure(&view).await {
                tracing::debug!(%error, "the gauges cannot be written");
            }
        }
        Ok(waits)
    }

    /// Where the partitions of a consumer stand that this member works on, with their generations.
    pub(super) fn positions(&self, consumer: &str) -> impl Iterator<Item = (u64, Position)> {
        let own = self.running.iter().filter(move |(id, _)| id.consumer == consumer);
        own.map(|(id, running)| (id.generation, running.report.borrow().position))
    }

    async fn look(&self) -> Result<Option<View>, StoreError> {
        let Some(beat) = self.heart.last() else { return Ok(None) };
        let (work, all) = (self.context.stores.work(), RowQuery::default());
        let members =
            self.living(list::<MemberRecord>(&**work, &all).await?, beat.store_time()).await?;
        let consumers = list::<ConsumerRecord>(&**work, &all).await?;
        let living = Condition {
            column: "state",
            comparison: Comparison::NotEqual,
            value: Value::Text(DONE.to_owned()),
        };
        let living = RowQuery { conditions: vec![living], ..all };
        let partitions = list::<PartitionRecord>(&**work, &living).await?;
        let consumers = consumers.into_iter().map(|known| (known.name.clone(), known)).collect();
        Ok(Some(View { now: beat.store_time(), members, consumers, partitions }))
    }

    /// Without those whose processes are known to have ended, and those that have been dead for long: they
    /// are taken off the list.
    async fn living(
        &self,
        members: Vec<MemberRecord>,
        now: Timestamp,
    ) -> Result<Vec<MemberRecord>, StoreError> {
        let (me, directory) = (self.context.me, self.context.options.lock_directory.as_deref());
        let has_crashed = |member: &MemberRecord| {
            directory.is_some_and(|directory| is_gone(directory, member.id))
        };
        let long_dead = |member: &MemberRecord| now.duration_since(member.expires_at) > FORGOTTEN;
        let (gone, living): (Vec<_>, Vec<_>) = members
            .into_iter()
            .partition(|member| member.id != me && (has_crashed(member) || long_dead(member)));
        for member in gone {
            tracing::warn!(member = %member.id, label = member.label, "a member has crashed");
            let key = member.key();
            let removed = self.context.stores.work().transact_with(move |transaction| {
                let key = key.clone();
                Box::pin(async move { remove::<MemberRecord>(transaction, &[key]).await })
            });
            removed.await?;
            if let Some(directory) = directory {
                bury(directory, member.id);
            }
        }
        Ok(living)
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

    /// Takes and lets go as the shares say.
    async fn share(&mut self, view: &View) -> bool {
        let me = self.context.me;
        let mut waits = false;
        let mut groups: BTreeMap<(String, u64, u64), Vec<&PartitionRecord>> = BTreeMap::new();
        for record in &view.partitions {
            let group = (record.consumer.clone(), record.generation, record.epoch);
            groups.entry(group).or_default().push(record);
        }
        let first_epochs: BTreeMap<(String, u64), u64> = groups
            .keys()
            .rev()
            .map(|(consumer, generation, epoch)| ((consumer.clone(), *generation), *epoch))
            .collect();
        for ((name, generation, epoch), records) in groups {
            let Some(consumer) = self.consumers.get(name.as_str()).cloned() else { continue };
            let paused = view.consumers.get(&name).is_none_or(|known| known.paused);
            // A cut begins where the one before it has ended.
            let begun = first_epochs.get(&(name.clone(), generation)) == Some(&epoch);
            let records = records
                .into_iter()
                .filter(|record| record.version == consumer.version && !record.is_held());
            let slots: Vec<Slot<PartitionId>> = records
                .map(|record| Slot {
                    partition: record.id(),
                    owner: record.owner.filter(|owner| view.is_alive(*owner)),
                })
                .collect();
            if paused || !begun {
                for slot in slots.iter().filter(|slot| slot.owner == Some(me)) {
                    self.let_go(&slot.partition);
                }
                continue;
            }
            let sharers = view.sharers(&name, consumer.version);
            let plan = plan(&name, &sharers, &slots, me);
            waits |= plan.waits;
            for id in plan.release {
                self.let_go(&id);
            }
            // One's own that nobody works on: the answer to a claim was lost, or the partition was
            // disturbed.
            let own = slots.iter().filter(|slot| slot.owner == Some(me));
            let own = own.map(|slot| slot.partition.clone());
            let own: Vec<_> = own.filter(|id| !self.running.contains_key(id)).collect();
            for id in own.into_iter().chain(plan.claim) {
                if let Err(error) = self.take(&consumer, &id).await {
                    tracing::warn!(partition = %id, %error, "a partition cannot be taken");
                    // It may be one's own without anybody knowing.
                    waits = true;
                }
            }
        }
        waits
    }

    async fn take(&mut self, consumer: &Consumer, id: &PartitionId) -> Result<(), StoreError> {
        if self.refused.get(id).is_some_and(|until| *until > Instant::now()) {
            return Ok(());
        }
        let (me, version, partition) = (self.context.me, consumer.version, id.clone());
        let claimed = self.context.stores.work().transact_with(move |transaction| {
            let partition = partition.clone();
            Box::pin(async move { claim(transaction, &partition, version, me).await })
        });
        if let Some(claimed) = claimed.await? {
            self.begin(consumer.clone(), claimed);
        }
        Ok(())
    }

    fn begin(&mut self, consumer: Consumer, (record, fence): (PartitionRecord, Fence)) {
        let id = record.id();
        let (doing, position) = (Doing::CatchingUp, fence.position);
        let (reports, report) =
            watch::channel(Report { doing, position, progress: Instant::now(), waiting: false });
        let (stop, stopped) = watch::channel(false);
        let (due, dues) = watch::channel(Vec::new());
        let slices = record.slices();
        let handler = consumer.handler.clone();
        let worker = Worker::new(
            self.context.clone(),
            consumer,
            (record, fence),
            reports,
            (self.stop.or(stopped), dues),
        );
        let woken = self.woken.clone();
        let task = tokio::spawn(async move {
            let left = worker.run().await;
            woken.notify_one();
            left
        });
        let token = fence.token;
        let running = Running { handler, token, slices, stop, due, report, task, noted: None };
        if let Some(before) = self.running.insert(id.clone(), running) {
            before.break_off(&id);
        }
        self.publish();
    }

    /// Tells the work on a partition to come to an end; when it has, the partition is given back.
    fn let_go(&mut self, id: &PartitionId) {
        if let Some(running) = self.running.get(id) {
            running.stop.send_replace(true);
        }
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

    /// Writes down what the partitions are doing, where that has changed.
    async fn tell(&mut self) -> Result<(), StoreError> {
        let (me, stalled_after) = (self.context.me, self.context.options.stalled_after);
        for (id, running) in &mut self.running {
            let report = running.report.borrow().clone();
            let stalled = report.waiting && report.progress.elapsed() > stalled_after;
            let now = match (&report.doing, stalled) {
                (Doing::CatchingUp | Doing::Live, true) => {
                    let why = format!(
                        "no progress for {stalled_after:?} while events wait: its handler takes too long \
                         or hangs"
                    );
                    ("stalled", Some(why))
                }
                (doing, _) => (doing.as_str(), doing.reason().map(str::to_owned)),
            };
            if running.noted.as_ref() == Some(&now) {
                continue;
            }
            if now.0 == "stalled" {
                metrics::counter!("annals_consumer_stalls_total", "consumer" => id.consumer.clone())
                    .increment(1);
                tracing::error!(partition = %id, "a consumer is stalled");
            }
            let (partition, token, said) = (id.clone(), running.token, now.clone());
            self.context
                .stores
                .work()
                .transact_with(move |transaction| {
                    let (partition, said) = (partition.clone(), said.clone());
                    Box::pin(async move {
                        let said = (said.0, said.1.as_deref());
                        note(transaction, &partition, (token, Some(me)), said).await
                    })
                })
                .await?;
            running.noted = Some(now);
        }
        Ok(())
    }

    /// Tells the partitions which of their parked keys it is time to try again.
    async fn tell_due(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.running.is_empty() {
            return Ok(());
        }
        let due = Condition {
            column: "next_attempt",
            comparison: Comparison::LessOrEqual,
            value: Value::Timestamp(now),
        };
        let query = RowQuery { conditions: vec![due], limit: 1_000, ..RowQuery::default() };
        let keys = list::<ParkedKey>(&**self.context.stores.work(), &query).await?;
        for (id, running) in &self.running {
            let own = keys.iter().filter(|key| {
                key.consumer == id.consumer
                    && key.generation == id.generation
                    && running.slices.contains(&key.slice)
            });
            let own: Vec<_> = own.map(|key| key.key.clone()).collect();
            if !own.is_empty() {
                running.due.send_replace(own);
            }
        }
        Ok(())
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

    fn publish(&self) {
        let known = |(id, running): (&PartitionId, &Running)| (id.clone(), running.report.clone());
        self.reports.send_replace(self.running.iter().map(known).collect());
    }

    async fn leave(&mut self) -> BTreeSet<String> {
        self.heart.stopping();
        let deadline = Instant::now() + self.context.options.stop_within;
        let mut broken_off = BTreeSet::new();
        for (id, mut running) in std::mem::take(&mut self.running) {
            let left = match tokio::time::timeout_at(deadline, &mut running.task).await {
                Ok(left) => left.unwrap_or(Left::Lost),
                Err(_) => {
                    running.break_off(&id);
                    tracing::warn!(partition = %id, "the work on a partition was broken off");
                    broken_off.insert(id.consumer.clone());
                    Left::Stopped
                }
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
