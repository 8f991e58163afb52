//! Every statement by name; the texts stand in `sql/statements`, their binds listed on top.

use std::sync::LazyLock;

use crate::columns::listed;

macro_rules! statements {
    ($($name:ident = $file:literal;)* [whole events] $($listed:ident = $listed_file:literal;)*) => {
        $(pub(crate) const $name: &str = include_str!(concat!("../sql/statements/", $file, ".sql"));)*

        $(pub(crate) static $listed: LazyLock<String> = LazyLock::new(|| {
            listed(include_str!(concat!("../sql/statements/", $listed_file, ".sql")))
        });)*

        /// All of them, for the tests of their plans.
        #[cfg(test)]
        pub(crate) fn all() -> Vec<(&'static str, &'static str)> {
            vec![$(($file, $name),)* $(($listed_file, $listed.as_str())),*]
        }
    };
}

statements! {
    ADVANCE_CHECKPOINT = "advance_checkpoint";
    BEGIN = "begin";
    CHECKPOINT_WAL = "checkpoint_wal";
    COMMIT = "commit";
    COUNT_EVENTS = "count_events";
    COUNT_TABLES = "count_tables";
    CREATE_MIGRATIONS = "create_migrations";
    FENCE_CHECKPOINT = "fence_checkpoint";
    FIND_COMMAND = "find_command";
    FIND_EVENT = "find_event";
    FIND_INDEXES = "find_indexes";
    FIND_POSITION = "find_position";
    FIND_TABLE = "find_table";
    FORGET_COMMANDS = "forget_commands";
    INSERT_COMMAND = "insert_command";
    INSERT_MIGRATION = "insert_migration";
    INSERT_SCHEMA = "insert_schema";
    LIST_GUARDS = "list_guards";
    LIST_MIGRATIONS = "list_migrations";
    LIST_STREAMS = "list_streams";
    READ_CHECKPOINT = "read_checkpoint";
    READ_END = "read_end";
    READ_HEAD = "read_head";
    READ_MIGRATIONS = "read_migrations";
    READ_SCHEMAS = "read_schemas";
    READ_SNAPSHOT = "read_snapshot";
    READ_STATE = "read_state";
    REMOVE_CHECKPOINT = "remove_checkpoint";
    STOOD_AT = "stood_at";
    STREAM_VERSION = "stream_version";
    VISIT_START = "visit_start";
    VISIT_STREAM = "visit_stream";
    WIDEN_SCHEMA = "widen_schema";
    WRITE_CHECKPOINT = "write_checkpoint";
    WRITE_SNAPSHOT = "write_snapshot";
    WRITE_STATE = "write_state";

    [whole events]
    INSERT_EVENT = "insert_event";
    READ_EVENT = "read_event";
    READ_LOG = "read_log";
    READ_STREAM_BACKWARD = "read_stream_backward";
    READ_STREAM_FORWARD = "read_stream_forward";
}
