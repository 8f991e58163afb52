//! The failure stories of the PostgreSQL store.

mod crowd;
mod gate;
pub(crate) mod place;

mod connections;
mod crash;
mod held_snapshot;
mod history;
mod history_went_back;
mod kept_unpolled;
mod killed_writer;
mod large_batches;
mod losers;
mod lost_inside;
mod nothing_is_skipped;
mod one_winner;
mod own_transactions;
mod plans;
mod poisoned_batch;
mod pooler;
pub(crate) mod postgres_conformance;
mod roles;
mod schemas;
mod soak;
mod tls;
mod values;
