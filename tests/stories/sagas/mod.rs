//! Flows over several aggregates.

pub(crate) mod checkout;
mod ends;
mod killed;
mod stuck;
