//! Files that are written and read: above all that of an export, CloudEvents, one a line.
//!
//! What makes an import into an empty store the same store again: an event's id, stream, version, times,
//! metadata and payload stand in its line. Its position does not: the order of the lines says it, so
//! that a part of a log can be taken elsewhere too. Before the first event of a type and version comes a
//! line with their schema.

mod line;
mod new_file;
mod reader;

pub(crate) use line::{Entry, event_line, schema_line};
pub(crate) use new_file::{NewFile, cannot_write};
pub(crate) use reader::{Batch, LineFailure, read_batches};
