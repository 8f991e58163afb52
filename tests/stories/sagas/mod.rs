//! Flows over several aggregates.

mod apart;
pub(crate) mod checkout;
mod cut;
mod deadlines;
mod desk;
mod elsewhere;
mod ends;
mod killed;
mod many;
mod matrix;
mod new_program;
mod scheduled;
mod stuck;
