//! Stories of steps around each other and around services; those of a step alone stand beside it.

mod bulkhead;
mod policy;
mod told;
