//! The failure stories of the PostgreSQL store.

mod crowd;
pub(crate) mod gate;
pub(crate) mod place;
mod tables;

mod at_the_door;
mod connections;
mod crash;
mod false_notice;
mod frozen;
mod german;
pub(crate) mod held_snapshot;
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
mod restored;
mod roles;
mod schemas;
mod sessions;
mod soak;
mod tls;
mod values;
mod views;
