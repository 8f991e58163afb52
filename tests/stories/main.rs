//! The failure stories of Annals: one file a story.

mod bank;
mod child;
mod cloudevents;
mod commands_across_restarts;
mod crash_during_append;
mod crash_during_rebuild;
mod delivered_twice;
mod execute;
mod floats;
mod memory_conformance;
mod postgres;
mod postgres_servers;
mod projection_failures;
mod projection_modes;
mod read_models;
mod readme;
mod rebuild_while_writing;
mod schemas;
mod sqlite_bad_files;
mod sqlite_conformance;
mod sqlite_history;
mod store_against_model;
mod traceparent;
mod two_processes_one_file;
mod upcasting;
