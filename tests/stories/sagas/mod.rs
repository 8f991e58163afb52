//! Flows over several aggregates.

mod apart;
pub(crate) mod checkout;
mod deadlines;
mod desk;
mod elsewhere;
mod ends;
mod killed;
mod many;
mod new_program;
mod scheduled;
mod stuck;
