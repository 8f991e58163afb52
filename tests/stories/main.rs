//! The failure stories of Annals: one file a story.

mod bank;
mod cloudevents;
mod execute;
mod memory_conformance;
mod schemas;
mod store_against_model;
mod upcasting;
