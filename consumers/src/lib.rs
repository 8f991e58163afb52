//! The engine for everything that follows the log.

#[expect(dead_code, reason = "the parts of the engine that use all of it are on their way")]
mod records;

pub use records::{
    ConsumerRecord, InboxRecord, Json, MemberRecord, ParkedItem, ParkedKey, PartitionId,
    PartitionRecord, Record, RequestRecord, TimerRecord, tables,
};
