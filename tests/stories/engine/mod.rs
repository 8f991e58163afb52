//! The engine on real servers, while its members are killed, frozen and stopped.

mod chaos;
mod checks;
mod history;
mod member;
mod site;

pub(crate) use member::Member;
pub(crate) use site::Site;

mod busy_handler;
mod chaos_on_postgres;
mod chaos_on_sqlite;
mod checks_can_fail;
mod damaged_rows;
mod held_snapshot;
mod many_parked;
mod notifications_lost;
mod one_is_broken;
mod park_cannot_be_written;
mod paused;
mod read_only;
mod server_restarts;
mod slow_key;
mod stop_in_every_state;
mod take_over;
mod two_versions;
