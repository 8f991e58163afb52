//! The engine for everything that follows the log.

mod records;

pub use records::{
    ConsumerRecord, InboxRecord, Json, MemberRecord, ParkedItem, ParkedKey, PartitionId,
    PartitionRecord, Record, RequestRecord, TimerRecord, tables,
};
