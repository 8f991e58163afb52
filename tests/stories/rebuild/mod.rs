//! Rebuilds that break off, meet others, or are asked for by the wrong program (I7).

mod breaks_off;
mod dry_run;
mod one_key;
mod other_tables;
mod superseded;
mod together;
mod while_it_is_read;
