//! A member's share of the partitions: taking what it lacks, and letting go of what is too much.

use std::collections::BTreeMap;

use annals_core::store::{Fence, StoreError, TransactExt};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::claim::claim;
use super::sweep::{Running, Sweeper};
use super::view::View;
use crate::assign::{Slot, plan};
use crate::consume::{Consumer, Doing};
use crate::records::{PartitionId, PartitionRecord};
use crate::worker::{Report, Worker};

impl Sweeper {
    /// Takes and lets go as the shares say.
    pub(super) async fn share(&mut self, view: &View) -> bool {
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
            let begun = first_epochs.get(&(name.clone(), generation)) == Some(&epoch)
                && view.damaged_before(&name, generation, epoch).is_none();
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

    pub(super) async fn take(
        &mut self,
        consumer: &Consumer,
        id: &PartitionId,
    ) -> Result<(), StoreError> {
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

    pub(super) fn begin(&mut self, consumer: Consumer, (record, fence): (PartitionRecord, Fence)) {
        let id = record.id();
        let (doing, position) = (Doing::CatchingUp, fence.position);
        let (reports, report) = watch::channel(Report {
            doing,
            position,
            progress: Instant::now(),
            waiting: false,
            oldest: None,
        });
        let (stop, stopped) = watch::channel(false);
        let (due, dues) = watch::channel(Vec::new());
        // One is read aside while another is written.
        let (anew, anews) = mpsc::channel(1);
        let partition = record.clone();
        let handler = consumer.handler.clone();
        let worker = Worker::new(
            self.context.clone(),
            consumer,
            (record, fence),
            reports,
            (self.stop.or(stopped), dues, anews),
        );
        let woken = self.woken.clone();
        let task = tokio::spawn(async move {
            let left = worker.run().await;
            woken.notify_one();
            left
        });
        let token = fence.token;
        let running =
            Running { handler, token, partition, stop, due, anew, report, task, noted: None };
        if let Some(before) = self.running.insert(id.clone(), running) {
            before.break_off(&id);
        }
        self.publish();
    }

    /// Tells the work on a partition to come to an end; when it has, the partition is given back.
    pub(super) fn let_go(&mut self, id: &PartitionId) {
        if let Some(running) = self.running.get(id) {
            running.stop.send_replace(true);
        }
    }
}
