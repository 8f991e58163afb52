//! Flows over several aggregates.

mod checkout;
mod ends;
mod killed;
mod stuck;
