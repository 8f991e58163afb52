//! The engine on the memory store, on a paused clock: time passes when everybody waits.

mod concerns;
mod gauges;
mod members;
mod moving;
mod parking;
mod sharing;
mod stage;
mod steps;
mod together;
