//! The operator's command, run as people run it: a process with arguments, on files and on PostgreSQL.

mod command;
mod site;

mod answers;
mod doctor;
mod following;
mod import_refused;
mod interrupted_import;
mod round_trip;
mod secrets;
