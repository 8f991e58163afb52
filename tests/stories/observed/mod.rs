//! What operators see of a program: its spans and its figures.

mod figures;
mod recorder;
mod spans;
mod traces;
