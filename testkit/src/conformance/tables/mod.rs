//! Tables of read models.

pub(super) mod samples;

pub mod queries;
pub mod rows;
pub mod sql;
pub mod values;
pub mod views;
