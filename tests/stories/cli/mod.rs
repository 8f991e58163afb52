//! The operator's command, run as people run it: a process with arguments, on files and on PostgreSQL.

pub(crate) mod command;
mod program;
mod site;

mod answers;
mod consumers;
mod doctor;
mod following;
mod import_refused;
mod interrupted_import;
mod parked;
mod relays;
mod repartition;
mod round_trip;
mod sagas;
mod schema;
mod secrets;
mod subscribers;
