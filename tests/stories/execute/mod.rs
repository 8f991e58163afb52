//! The execute loop: load, decide, append, and what goes wrong in between.

mod another_command_under_the_key;
mod at_a_version;
mod cached_state;
mod conflicts;
mod dry_run;
mod history_by_pages;
mod idempotency_key;
mod import_in_part;
mod large_commands;
mod looking_back;
mod lost_messages;
mod lost_reply_then_failure;
mod origin;
mod refusal_remembered;
mod same_command_at_once;
mod scenario;
mod snapshots;
mod snapshots_of_several_states;
mod stage;
mod unreadable;
