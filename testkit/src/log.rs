//! Reading back what a store holds.

use annals_core::store::{EventStore, LogQuery};
use annals_core::{Position, RecordedEvent};

/// All events of a store, read page by page.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = annals_core::MemoryStore::default();
/// assert!(annals_testkit::whole_log(&store).await.is_empty());
/// # }
/// ```
///
/// # Panics
/// When the log cannot be read.
pub async fn whole_log(store: &(impl EventStore + ?Sized)) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    let mut after = Position::START;
    loop {
        let page = store.read_log(&LogQuery::after(after)).await.expect("the log can be read");
        if page.events.is_empty() {
            return events;
        }
        after = page.next;
        events.extend(page.events);
    }
}
