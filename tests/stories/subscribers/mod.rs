//! What a subscriber is given: how many events at once, from where on, and which.

mod batches;
mod choice;
mod start;
