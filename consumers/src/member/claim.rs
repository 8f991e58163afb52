//! Taking a partition, and letting go of it.

use annals_core::store::{Fence, StoreError, Transaction};
use uuid::Uuid;

use crate::records::{
    ConsumerRecord, MemberRecord, PartitionId, PartitionRecord, load, load_readable, put,
};

/// Locks what stands about a consumer until the transaction ends. Whoever needs checkpoints of its
/// partitions too locks them after this, so that two never wait for each other.
///
/// # Errors
/// What the store runs into.
pub async fn lock(transaction: &mut dyn Transaction, consumer: &str) -> Result<(), StoreError> {
    transaction.state(&format!("consumer/{consumer}")).await.map(drop)
}

/// The consumer's record.
pub(crate) async fn consumer(
    transaction: &mut dyn Transaction,
    name: &str,
) -> Result<Option<ConsumerRecord>, StoreError> {
    load(transaction, vec![annals_core::table::Value::Text(name.to_owned())]).await
}

/// Takes a partition if nobody who is alive has it: the fence keeps out whoever had it before.
pub(crate) async fn claim(
    transaction: &mut dyn Transaction,
    id: &PartitionId,
    version: u32,
    me: Uuid,
) -> Result<Option<(PartitionRecord, Fence)>, StoreError> {
    lock(transaction, &id.consumer).await?;
    let known = consumer(transaction, &id.consumer).await?;
    if known.is_none_or(|known| known.paused) {
        return Ok(None);
    }
    let checkpoint = id.checkpoint();
    if transaction.checkpoint(&checkpoint).await?.is_none() {
        return Ok(None);
    }
    let Some(mut record) = load::<PartitionRecord>(transaction, id.row_key()).await? else {
        return Ok(None);
    };
    if record.version != version || record.is_at_rest() {
        return Ok(None);
    }
    let now = transaction.now().await?;
    if let Some(owner) = record.owner.filter(|owner| *owner != me) {
        if is_alive(transaction, owner).await? {
            return Ok(None);
        }
        metrics::counter!("annals_consumer_takeovers_total", "consumer" => id.consumer.clone())
            .increment(1);
        tracing::warn!(partition = %id, %owner, "a partition is taken over from one who is dead");
    }
    let fence = transaction.fence_checkpoint(&checkpoint).await?;
    record.owner = Some(me);
    record.token = fence.token;
    record.state = "starting".to_owned();
    record.reason = None;
    record.changed_at = now;
    put(transaction, &record).await?;
    Ok(Some((record, fence)))
}

async fn is_alive(transaction: &mut dyn Transaction, member: Uuid) -> Result<bool, StoreError> {
    let key = vec![annals_core::table::Value::Uuid(member)];
    // A sign of life that cannot be read is none: should it be alive, it is kept out.
    let member = load_readable::<MemberRecord>(transaction, key).await?;
    let now = transaction.now().await?;
    Ok(member.is_some_and(|member| member.expires_at > now))
}

/// Takes a partition away from an owner who counts as dead, for nobody: should it come back, it is kept
/// out.
pub(super) async fn evict(
    transaction: &mut dyn Transaction,
    id: &PartitionId,
) -> Result<(), StoreError> {
    transaction.checkpoint(&id.checkpoint()).await?;
    let Some(record) = load::<PartitionRecord>(transaction, id.row_key()).await? else {
        return Ok(());
    };
    let Some(owner) = record.owner else { return Ok(()) };
    if is_alive(transaction, owner).await? {
        return Ok(());
    }
    if let Some((mut record, _)) = disturb(transaction, id).await? {
        record.owner = None;
        "stopped".clone_into(&mut record.state);
        record.changed_at = transaction.now().await?;
        put(transaction, &record).await?;
    }
    Ok(())
}

/// Writes what a partition's owner says of it, as long as it is the owner. `owner` is who has it from
/// now on.
pub(super) async fn note(
    transaction: &mut dyn Transaction,
    id: &PartitionId,
    (token, owner): (u64, Option<Uuid>),
    (state, reason): (&str, Option<&str>),
) -> Result<(), StoreError> {
    transaction.checkpoint(&id.checkpoint()).await?;
    let Some(mut record) = load::<PartitionRecord>(transaction, id.row_key()).await? else {
        return Ok(());
    };
    if record.token != token {
        return Ok(());
    }
    record.owner = owner;
    state.clone_into(&mut record.state);
    // Texts from outside may hold what no store keeps.
    record.reason = reason.map(|reason| reason.replace('\0', "\u{fffd}"));
    record.changed_at = transaction.now().await?;
    put(transaction, &record).await
}

/// Takes a partition away from whoever works on it, so that it is looked at again: by its owner, if it
/// has one.
pub(crate) async fn disturb(
    transaction: &mut dyn Transaction,
    id: &PartitionId,
) -> Result<Option<(PartitionRecord, Fence)>, StoreError> {
    let Some(mut record) = load::<PartitionRecord>(transaction, id.row_key()).await? else {
        return Ok(None);
    };
    let fence = transaction.fence_checkpoint(&id.checkpoint()).await?;
    record.token = fence.token;
    put(transaction, &record).await?;
    Ok(Some((record, fence)))
}
