//! What a source promises.

pub mod groups;
pub mod missing;
pub mod order;
pub mod outages;
pub mod parts;
pub mod redelivery;
pub mod slow;
pub mod take_over;
pub mod waiting;
