//! The calls that can fail.

/// A method of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `append`
    Append,
    /// `append_bulk`; a failure is the result of every batch.
    AppendBulk,
    /// `read_stream`
    ReadStream,
    /// `read_log`
    ReadLog,
    /// `head`
    Head,
    /// `checkpoint`, outside a transaction.
    Checkpoint,
    /// `command`
    Command,
    /// `forget_commands`
    ForgetCommands,
    /// `schemas`
    Schemas,
    /// `register_schemas`
    RegisterSchemas,
    /// `widen_schema`
    WidenSchema,
    /// `snapshot`
    Snapshot,
    /// `save_snapshot`
    SaveSnapshot,
    /// `load_rows`, outside a transaction.
    LoadRows,
    /// `query_rows`
    QueryRows,
    /// `count_rows`
    CountRows,
    /// `state`, outside a transaction.
    State,
    /// `now`, outside a transaction.
    Now,
    /// `transact`
    Transact,
    /// `transact_apart`
    TransactApart,
}
