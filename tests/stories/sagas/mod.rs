//! Flows over several aggregates.

mod checkout;
mod ends;
