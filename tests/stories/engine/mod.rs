//! The engine on real servers, while its members are killed, frozen and stopped.

mod chaos;
mod member;
mod site;

mod chaos_on_postgres;
mod chaos_on_sqlite;
mod take_over;
