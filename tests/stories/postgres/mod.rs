//! The failure stories of the PostgreSQL store.

mod crowd;
mod gate;
pub(crate) mod place;

mod connections;
mod crash;
mod held_snapshot;
mod history;
mod history_went_back;
mod killed_writer;
mod nothing_is_skipped;
mod one_winner;
mod own_transactions;
mod plans;
mod pooler;
pub(crate) mod postgres_conformance;
mod roles;
mod schemas;
mod soak;
mod tls;
mod values;
