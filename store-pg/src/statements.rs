//! Every statement by name; the texts stand in `sql/statements`, their parameters listed on top.

use crate::columns::listed;

/// The schema all of a store's tables stand in. A plain name, though one that may be a word of SQL, so
/// that it can be written into SQL in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schema(pub(crate) String);

impl Schema {
    /// Writes the schema's name where the SQL says `annals.`: as a name of SQL, or as it is at the
    /// beginning of a text, as the name of a lock.
    pub(crate) fn name_in(&self, sql: &str) -> String {
        let mut parts = sql.split("annals.");
        let mut named = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let name = if named.ends_with('\'') { self.0.clone() } else { self.quoted() };
            named.extend([name.as_str(), ".", part]);
        }
        named
    }

    pub(crate) fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

macro_rules! statements {
    ($($name:ident,)*) => {
        /// The statements of one schema.
        pub(crate) struct Statements {
            $(pub(crate) $name: String,)*
        }

        impl Statements {
            pub(crate) fn of(schema: &Schema) -> Self {
                Self {
                    $($name: schema.name_in(&listed(include_str!(concat!(
                        "../sql/statements/", stringify!($name), ".sql"
                    )))),)*
                }
            }
        }
    };
}

statements! {
    advance_checkpoint,
    append_batch,
    append_one,
    copy_events,
    count_events,
    create_migrations,
    fence_checkpoint,
    find_commands,
    find_events,
    find_indexes,
    find_table,
    forget_commands,
    insert_command,
    insert_events,
    insert_migration,
    insert_schemas,
    list_indexes,
    list_migrations,
    list_streams,
    list_tables,
    list_transactions,
    list_triggers,
    lock_checkpoint,
    lock_log,
    lock_name,
    log_holder,
    notify,
    read_checkpoint,
    read_clock,
    read_event,
    read_grants,
    read_end,
    read_head,
    read_log,
    read_log_filtered,
    read_migrations,
    read_schemas,
    read_server,
    read_snapshot,
    read_state,
    read_stream_backward,
    read_stream_forward,
    relation_holder,
    remove_checkpoint,
    stood_at,
    stream_ends,
    view_fits,
    visit_stream,
    widen_schema,
    write_checkpoint,
    write_snapshot,
    write_state,
}
