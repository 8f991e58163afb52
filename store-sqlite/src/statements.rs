//! Every statement by name; the texts stand in `sql/statements`, their binds listed on top.

macro_rules! statements {
    ($($name:ident = $file:literal;)*) => {
        $(pub(crate) const $name: &str = include_str!(concat!("../sql/statements/", $file, ".sql"));)*

        /// All of them, for the tests of their plans.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

statements! {
    BEGIN = "begin";
    CHECKPOINT_WAL = "checkpoint_wal";
    COMMIT = "commit";
    COUNT_TABLES = "count_tables";
    CREATE_MIGRATIONS = "create_migrations";
    FIND_COMMAND = "find_command";
    FIND_EVENT = "find_event";
    FIND_INDEXES = "find_indexes";
    FIND_POSITION = "find_position";
    FIND_TABLE = "find_table";
    FORGET_COMMANDS = "forget_commands";
    INSERT_COMMAND = "insert_command";
    INSERT_EVENT = "insert_event";
    INSERT_MIGRATION = "insert_migration";
    INSERT_SCHEMA = "insert_schema";
    READ_CHECKPOINT = "read_checkpoint";
    READ_END = "read_end";
    READ_HEAD = "read_head";
    READ_LEASE = "read_lease";
    READ_LOG = "read_log";
    READ_MIGRATIONS = "read_migrations";
    READ_SCHEMAS = "read_schemas";
    READ_SNAPSHOT = "read_snapshot";
    READ_STATE = "read_state";
    READ_STREAM_BACKWARD = "read_stream_backward";
    READ_STREAM_FORWARD = "read_stream_forward";
    REMOVE_CHECKPOINT = "remove_checkpoint";
    STOOD_AT = "stood_at";
    STREAM_VERSION = "stream_version";
    VISIT_START = "visit_start";
    VISIT_STREAM = "visit_stream";
    WIDEN_SCHEMA = "widen_schema";
    WRITE_CHECKPOINT = "write_checkpoint";
    WRITE_LEASE = "write_lease";
    WRITE_SNAPSHOT = "write_snapshot";
    WRITE_STATE = "write_state";
}
