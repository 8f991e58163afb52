//! What is printed at the end of every run.

mod closing;
mod read_models;
mod totals;

pub(crate) use closing::{place, proof, sagas, status};
pub(crate) use read_models::read_models;
