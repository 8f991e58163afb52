//! A process that is there to be killed.
fn main() {}
