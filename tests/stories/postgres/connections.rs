//! Connections that break, stay silent, or are too few. An append ends with an answer that is true,
//! and the store recovers by itself.

mod cut;
mod failed_transaction;
mod full_disk;
mod half_open;
mod pool;

use annals::store::Append;
use annals::{ExpectedVersion, NewEvent, Payload};
use annals_tests::writer::stream;

/// An append of one event to the stream `account-<id>`.
fn append(id: &str, expected: ExpectedVersion, payload: &str) -> Append {
    let event = NewEvent::raw("sample.happened", 1, Payload::from_stored(payload));
    Append::to(stream("account", id), expected, vec![event])
}
