//! What a read model meets while it is kept up to date and read.

mod changed_settings;
mod engine;
mod failing_event;
mod handler_stops;
mod indexes;
mod inline_behind;
mod kept_rows;
mod older_columns;
mod owner;
mod pace;
mod reading;
mod settings;
mod status_is_a_read;
mod unique;
