//! Who works on which part of which consumer.

use std::fmt;
use std::ops::Range;

use annals_core::Position;
use annals_core::table::{KeyValues, Value};
use jiff::Timestamp;
use uuid::Uuid;

use super::record;

/// A part of a consumer: of one generation of what it keeps, and of one cut into partitions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId {
    /// The consumer.
    pub consumer: String,
    /// The generation.
    pub generation: u64,
    /// The cut: 1, and one more with every re-partition.
    pub epoch: u64,
    /// The part, from 0.
    pub part: u32,
}

impl PartitionId {
    /// The name of its checkpoint.
    pub fn checkpoint(&self) -> String {
        let Self { consumer, generation, epoch, part } = self;
        format!("consumer/{consumer}/{generation}/{epoch}/{part}")
    }

    pub(crate) fn row_key(&self) -> KeyValues {
        vec![
            Value::Text(self.consumer.clone()),
            Value::Integer(self.generation.cast_signed()),
            Value::Integer(self.epoch.cast_signed()),
            Value::Integer(i64::from(self.part)),
        ]
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { consumer, generation, epoch, part } = self;
        write!(f, "{consumer}/{generation}/{epoch}/{part}")
    }
}

/// What stands in a partition that has reached its end.
pub(crate) const DONE: &str = "done";

/// What stands in a partition that nobody is to work on until told otherwise.
pub(crate) const HELD: &str = "held";

record! {
    /// A partition. Its position stands in its checkpoint, which is written with every batch; this row
    /// is written when something changes for people.
    pub struct PartitionRecord in "annals_partitions", key [0, 1, 2, 3] {
        /// The consumer.
        consumer: String,
        /// The generation.
        generation: u64,
        /// The cut.
        epoch: u64,
        /// The part, from 0.
        part: u32,
        /// The version of the program that may work on it.
        version: u32,
        /// The first of its slices.
        first_slice: u16,
        /// The one after its last.
        end_slice: u16,
        /// Where it begins: the barrier of a re-partition, or 0.
        begins_at: Position,
        /// Where it ends, when it has been cut anew.
        ends_at: Option<Position>,
        /// Whose it is.
        owner: Option<Uuid>,
        /// The token of whoever has it, or had it last.
        token: u64,
        /// What it is doing.
        state: String,
        /// On what it waits, or what went wrong.
        reason: Option<String>,
        /// When this row was last changed.
        changed_at: Timestamp,
    }
}

impl PartitionRecord {
    /// Which it is.
    pub fn id(&self) -> PartitionId {
        PartitionId {
            consumer: self.consumer.clone(),
            generation: self.generation,
            epoch: self.epoch,
            part: self.part,
        }
    }

    /// Whether it has reached its end.
    pub fn is_done(&self) -> bool {
        self.state == DONE
    }

    /// Whether nobody is to work on it until told otherwise.
    pub fn is_held(&self) -> bool {
        self.state == HELD
    }

    /// Whether there is nothing to be done on it.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_done() || self.is_held()
    }

    /// Its slices.
    pub fn slices(&self) -> Range<u16> {
        self.first_slice..self.end_slice
    }
}
