//! The engine on the memory store, on a paused clock: time passes when everybody waits.

mod parking;
mod sharing;
mod stage;
