//! Seeing and steering consumers from outside of the programs that run them: plain data in and out.

mod damaged;
mod health;
mod inbox;
mod lag;
mod members;
mod parked;
mod requests;
mod status;
mod waiting;

pub use damaged::{DamagedRow, damaged};
pub use health::{Health, health};
pub use inbox::remembered;
pub use lag::{Lag, lag};
pub use members::{Member, members};
pub use parked::{Parked, is_parked, parked};
pub use requests::{Ask, Request, ask, ask_once, open_requests, request, requests};
pub use status::{
    ConsumerStatus, Partition, consumer, consumers, partition_ids, position, positions,
};
pub use waiting::{Waiting, positions_waiting, waiting};
