//! What a publisher promises.

pub mod cancellation;
pub mod contents;
pub mod order;
pub mod outages;
pub mod refusals;
pub mod repetition;
