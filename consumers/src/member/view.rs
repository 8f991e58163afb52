//! What everybody sees.

use std::collections::BTreeMap;

use annals_core::store::{StoreError, TransactExt};
use annals_core::table::{Comparison, Condition, RowQuery, Value};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::lock::{bury, is_gone};
use super::sweep::Sweeper;
use crate::records::{
    ConsumerRecord, DONE, Damaged, MemberRecord, PartitionRecord, Record, list, remove, survey,
};

/// How long a member has to be dead until nobody wants to see it any more. One that comes back after all
/// is on the list again with its next sign of life.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(1);

/// What everybody sees.
pub(super) struct View {
    pub(super) now: Timestamp,
    members: Vec<MemberRecord>,
    pub(super) consumers: BTreeMap<String, ConsumerRecord>,
    /// Those that have not reached their end.
    pub(super) partitions: Vec<PartitionRecord>,
    /// Rows of partitions that cannot be read: nobody works on those, and nothing goes past them.
    damaged: Vec<Damaged>,
}

impl View {
    pub(super) fn is_alive(&self, id: Uuid) -> bool {
        self.members.iter().any(|member| member.id == id && member.expires_at > self.now)
    }

    /// Whether a member goes on with the requests it has taken: one that is leaving does not.
    pub(super) fn carries_on(&self, id: Uuid) -> bool {
        self.members
            .iter()
            .any(|member| member.id == id && member.expires_at > self.now && !member.stopping)
    }

    /// How many members are alive.
    pub(super) fn living(&self) -> usize {
        self.members.iter().filter(|member| member.expires_at > self.now).count()
    }

    /// A damaged partition of a generation of a consumer that belongs to an earlier cut than `epoch`, or
    /// may do so.
    pub(super) fn damaged_before(
        &self,
        consumer: &str,
        generation: u64,
        epoch: u64,
    ) -> Option<&Damaged> {
        let of = |row: &&Damaged| row.consumer().is_none_or(|owner| owner == consumer);
        let mut rows = self.damaged.iter().filter(of);
        rows.find(|row| {
            row.number(1).is_none_or(|found| found == generation)
                && row.number(2).is_none_or(|found| found < epoch)
        })
    }

    /// Who shares the partitions of a consumer: alive, with its handler at this version, and taking new
    /// work.
    pub(super) fn sharers(&self, consumer: &str, version: u32) -> Vec<Uuid> {
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

impl Sweeper {
    pub(super) async fn look(&self) -> Result<Option<View>, StoreError> {
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
        let (partitions, damaged) = survey::<PartitionRecord>(&**work, &living).await?;
        let consumers = consumers.into_iter().map(|known| (known.name.clone(), known)).collect();
        Ok(Some(View { now: beat.store_time(), members, consumers, partitions, damaged }))
    }

    /// Without those whose processes are known to have ended, and those that have been dead for long: they
    /// are taken off the list.
    pub(super) async fn living(
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
}
